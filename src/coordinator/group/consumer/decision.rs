//! What comes out of a request or a timer: the group as it is afterwards, the rows to store, the answer, the timers.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::group::Group;
use super::reconcile::{Progress, State};
use super::stored::{Head, Row};
use super::topics::Topics;
use super::{Member, Settings};
use crate::coordinator::group::classic;

/// What a group waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// A sign of life of the member.
    Session(Arc<str>),
    /// The member to give up what it was told to.
    Rebalance(Arc<str>),
    /// A member of the classic protocol to join again.
    Join(Arc<str>),
    /// A member of the classic protocol to ask for its assignment.
    Sync(Arc<str>),
}

/// A change of the timers. Setting one that is set already moves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    Set { timer: Timer, after_ms: i32 },
    Cancel(Timer),
}

/// All that a decision depends on besides the group and the request.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub topics: &'a dyn Topics,
    pub settings: &'a Settings,
    /// What a group obeys that turns into a classic one.
    pub classic: &'a classic::Limits,
    pub now_ms: i64,
}

/// All that a request or a timer leads to. Nothing of it has happened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<R> {
    /// The group afterwards; `None` if it stays as it is.
    pub next: Option<Next>,
    /// What to store of it. All of it, or nothing.
    pub rows: Vec<Row>,
    /// The answer, which leaves once everything unsaved of the group is durable.
    pub reply: R,
    pub timers: Vec<TimerChange>,
}

impl<R> Decision<R> {
    /// The same with another answer.
    pub fn map<S>(self, answer: impl FnOnce(R) -> S) -> Decision<S> {
        Decision { next: self.next, rows: self.rows, reply: answer(self.reply), timers: self.timers }
    }
}

/// What becomes of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Consumer(Group),
    /// It was a classic group, whose row goes; whoever waited for it is told so.
    Upgraded(Group, Vec<(classic::Ticket, classic::Reply)>),
    /// It is a classic group from now on, beginning with this decision.
    Downgraded(Box<classic::Decision>),
}

/// A decision in the making: the group with every row applied as soon as it is decided on.
pub(super) struct Draft<'a> {
    pub world: World<'a>,
    pub group: Group,
    rows: BTreeMap<Bytes, Row>,
    timers: Vec<TimerChange>,
    /// Set where the group was a classic one.
    pub upgraded: Option<Vec<(classic::Ticket, classic::Reply)>>,
    /// Set where the group becomes a classic one.
    pub downgraded: Option<Box<classic::Decision>>,
}

impl<'a> Draft<'a> {
    pub fn of(group: Group, world: World<'a>) -> Draft<'a> {
        Draft { world, group, rows: BTreeMap::new(), timers: Vec::new(), upgraded: None, downgraded: None }
    }

    /// All that was drafted, with its answer.
    pub fn decided<R>(self, reply: R) -> Decision<R> {
        let next = match (self.upgraded, self.downgraded) {
            (_, Some(classic)) => Next::Downgraded(classic),
            (Some(parting), None) => Next::Upgraded(self.group, parting),
            (None, None) => Next::Consumer(self.group),
        };
        Decision { next: Some(next), rows: self.rows.into_values().collect(), reply, timers: self.timers }
    }

    pub fn record(&mut self, row: Row) {
        self.group.apply(&row);
        self.rows.insert(row.key(), row);
    }

    /// Whether each row can be stored: Kafka takes no larger record into its offsets topic.
    pub fn fits(&self) -> bool {
        let max = self.world.classic.max_stored_bytes;
        self.rows.values().filter_map(Row::value).all(|value| value.len() <= max)
    }

    pub fn record_head(&mut self, change: impl FnOnce(&mut Head)) {
        let mut head = self.group.head;
        change(&mut head);
        self.record(Row::Head(Some(head)));
    }

    pub fn record_member(&mut self, member: Member) {
        self.record(Row::Member(Arc::clone(&member.id), Some(Arc::new(member))));
    }

    pub fn record_progress(&mut self, id: &Arc<str>, progress: Progress) {
        self.record(Row::Progress(Arc::clone(id), Some(Arc::new(progress))));
    }

    pub fn set(&mut self, timer: Timer, after_ms: i32) {
        self.timers.push(TimerChange::Set { timer, after_ms });
    }

    pub fn cancel(&mut self, timer: Timer) {
        self.timers.push(TimerChange::Cancel(timer));
    }

    /// Begins a member's session anew.
    pub fn renew_session(&mut self, member: &Member) {
        let timer = Timer::Session(Arc::clone(&member.id));
        self.set(timer, self.world.settings.session_timeout_ms(member));
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
        if !self.group.memory.called.contains(&member.id) {
            self.group.memory.called.insert_mut(Arc::clone(&member.id));
            self.set(Timer::Join(Arc::clone(&member.id)), member.rebalance_timeout_ms);
        }
    }

    /// Takes a member out of the rows, and forgets what it was waited for.
    pub fn remove(&mut self, id: &Arc<str>) {
        self.record(Row::Member(Arc::clone(id), None));
        self.record(Row::Target(Arc::clone(id), None));
        self.record(Row::Progress(Arc::clone(id), None));
        self.group.memory.called.remove_mut(id);
        for timer in [Timer::Session, Timer::Rebalance, Timer::Join, Timer::Sync] {
            self.cancel(timer(Arc::clone(id)));
        }
    }
}

/// A decision that changes nothing.
pub(super) fn unchanged<R>(reply: R) -> Decision<R> {
    Decision { next: None, rows: Vec::new(), reply, timers: Vec::new() }
}
