//! What comes out of a request or a timer: the group as it is afterwards, what to store, whom to answer, what to wait for.

use std::sync::Arc;

use super::Limits;
use super::group::Group;
use super::reply::{JoinReply, Refusal, Reply, SyncReply};
use super::stored::Stored;

/// Stands for a request that is answered once, perhaps much later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a group waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// A sign of life of the member.
    Session(Arc<str>),
    /// The members to join again.
    Join,
    /// The members to ask for their assignments.
    Sync,
}

/// A change of the timers. Setting one that is set already moves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    Set { timer: Timer, after_ms: i32 },
    Cancel(Timer),
}

/// All that a request or a timer leads to. Nothing of it has happened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The group afterwards; `None` if it stays as it is.
    pub next: Option<Group>,
    /// What to store of it; `None` if what is stored still holds.
    pub save: Option<Stored>,
    /// Answers, which leave once everything unsaved of the group is durable.
    pub replies: Vec<(Ticket, Reply)>,
    pub timers: Vec<TimerChange>,
}

impl Decision {
    /// What a group that does not exist answers.
    pub(super) fn without_group(ticket: Ticket, reply: Reply) -> Decision {
        Decision { next: None, save: None, replies: vec![(ticket, reply)], timers: Vec::new() }
    }
}

/// A decision in the making: the group as it would be.
pub(super) struct Draft<'a> {
    pub limits: &'a Limits,
    pub now_ms: i64,
    pub group: Group,
    save: Option<Stored>,
    replies: Vec<(Ticket, Reply)>,
    timers: Vec<TimerChange>,
}

impl<'a> Draft<'a> {
    pub fn of(group: &Group, limits: &'a Limits, now_ms: i64) -> Draft<'a> {
        Draft { limits, now_ms, group: group.clone(), save: None, replies: Vec::new(), timers: Vec::new() }
    }

    pub fn decided(self) -> Decision {
        Decision { next: Some(self.group), save: self.save, replies: self.replies, timers: self.timers }
    }

    /// A decision that leaves the group as it is.
    pub fn unchanged(self) -> Decision {
        Decision { next: None, ..self.decided() }
    }

    pub fn reply(&mut self, ticket: Ticket, reply: Reply) {
        self.replies.push((ticket, reply));
    }

    pub fn refuse_join(&mut self, ticket: Ticket, member_id: &Arc<str>, refusal: Refusal) {
        self.reply(ticket, Reply::Join(JoinReply::refused(member_id, refusal)));
    }

    /// Answers the JoinGroup of a member, if it waits for one.
    pub fn finish_join(&mut self, id: &str, reply: JoinReply) {
        if let Some(ticket) = self.group.waiting.joins.get(id).copied() {
            self.group.waiting.joins.remove_mut(id);
            self.reply(ticket, Reply::Join(reply));
        }
    }

    /// Answers the SyncGroup of a member, if it waits for one, and says whether it did.
    pub fn finish_sync(&mut self, id: &str, reply: SyncReply) -> bool {
        let Some(ticket) = self.group.waiting.syncs.get(id).copied() else { return false };
        self.group.waiting.syncs.remove_mut(id);
        self.reply(ticket, Reply::Sync(reply));
        true
    }

    /// Lets a JoinGroup wait. Of two by one member the earlier is given up: its client has lost the connection.
    pub fn park_join(&mut self, id: &Arc<str>, ticket: Ticket) {
        self.finish_join(id, JoinReply::refused(id, Refusal::RebalanceInProgress));
        self.group.waiting.joins.insert_mut(Arc::clone(id), ticket);
    }

    /// Lets a SyncGroup wait, as above.
    pub fn park_sync(&mut self, id: &Arc<str>, ticket: Ticket) {
        self.finish_sync(id, Refusal::RebalanceInProgress.into());
        self.group.waiting.syncs.insert_mut(Arc::clone(id), ticket);
    }

    pub fn set(&mut self, timer: Timer, after_ms: i32) {
        self.timers.push(TimerChange::Set { timer, after_ms });
    }

    pub fn cancel(&mut self, timer: Timer) {
        self.timers.push(TimerChange::Cancel(timer));
    }

    /// Begins a member's session anew.
    pub fn renew_session(&mut self, id: &str) {
        if let Some(member) = self.group.member(id) {
            let (timer, after_ms) = (Timer::Session(Arc::clone(&member.id)), member.session_timeout_ms);
            self.set(timer, after_ms);
        }
    }

    /// Takes a member out, with a word to whatever it waits for.
    pub fn remove(&mut self, id: &Arc<str>) {
        let nobody: Arc<str> = "".into();
        self.finish_join(id, JoinReply::refused(&nobody, Refusal::UnknownMember));
        self.finish_sync(id, Refusal::UnknownMember.into());
        self.group.remove(id);
        self.cancel(Timer::Session(Arc::clone(id)));
    }

    pub fn store(&mut self, stored: Stored) {
        self.save = Some(stored);
    }
}
