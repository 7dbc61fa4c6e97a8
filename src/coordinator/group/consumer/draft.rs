//! Decisions of a consumer group in the making: the steps that all of them share.

use std::sync::Arc;

use super::group::Group;
use super::reconcile::{Progress, State};
use super::stored::{Head, Row};
use super::{Member, Settings, Timer};
use crate::coordinator::group::classic;
use crate::coordinator::group::topics::Topics;
use crate::coordinator::runtime;

/// All that a decision depends on besides the group and the request.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The group.
    pub id: &'a str,
    pub topics: &'a dyn Topics,
    pub settings: &'a Settings,
    /// Limits of a group that turns into a classic one.
    pub classic: &'a classic::Limits,
    pub now_ms: i64,
}

/// A decision in the making: the group with every row applied as soon as it is decided on.
pub(super) type Draft<'a> = runtime::Draft<Group, World<'a>>;

impl Draft<'_> {
    /// True if each row can be stored: Kafka takes no larger record into its offsets topic.
    pub fn can_be_stored(&self) -> bool {
        self.fits(self.world.classic.max_stored_bytes)
    }

    pub fn record_head(&mut self, change: impl FnOnce(&mut Head)) {
        let mut head = self.next.head;
        change(&mut head);
        self.record(Row::Head(Some(head)));
    }

    pub fn record_member(&mut self, member: Member) {
        self.record(Row::Member(Arc::clone(&member.id), Some(Arc::new(member))));
    }

    pub fn record_progress(&mut self, id: &Arc<str>, progress: Progress) {
        self.record(Row::Progress(Arc::clone(id), Some(Arc::new(progress))));
    }

    /// Begins a member's session anew.
    pub fn renew_session(&mut self, member: &Member) {
        let timer = Timer::Session(Arc::clone(&member.id));
        self.set(timer, member.session_timeout_ms(self.world.settings));
    }

    /// A member that must give up partitions has its rebalance timeout for it.
    pub fn watch_revocation(&mut self, member: &Member, state: State) {
        let timer = Timer::Rebalance(Arc::clone(&member.id));
        match state {
            State::Revoking => self.set(timer, member.rebalance_timeout_ms),
            State::Stable | State::Waiting => self.cancel(timer),
        }
    }

    /// A member of the classic protocol must join again, within its rebalance timeout from when it was first told.
    pub fn call_to_join(&mut self, member: &Member) {
        if !self.next.memory.called.contains(&member.id) {
            self.next.memory.called.insert_mut(Arc::clone(&member.id));
            self.set(Timer::Join(Arc::clone(&member.id)), member.rebalance_timeout_ms);
        }
    }

    /// Takes a member out of the rows, and forgets what it was waited for.
    pub fn remove(&mut self, id: &Arc<str>) {
        self.record(Row::Member(Arc::clone(id), None));
        self.record(Row::Target(Arc::clone(id), None));
        self.record(Row::Progress(Arc::clone(id), None));
        self.next.memory.called.remove_mut(id);
        for timer in [Timer::Session, Timer::Rebalance, Timer::Join, Timer::Sync] {
            self.cancel(timer(Arc::clone(id)));
        }
    }
}
