//! Decisions of a classic group in the making: the steps that all of them share.

use std::sync::Arc;

use super::group::Group;
use super::reply::{JoinReply, Refusal, Reply, SyncReply};
use super::{Limits, Timer};
use crate::coordinator::runtime::{self, Asker};

/// All that a decision depends on besides the group and the request.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub limits: &'a Limits,
    pub now_ms: i64,
}

/// A decision in the making: the group as it would be.
pub(super) type Draft<'a> = runtime::Draft<Group, World<'a>>;

impl Draft<'_> {
    pub fn refuse_join(&mut self, asker: Asker<JoinReply>, member_id: &Arc<str>, refusal: Refusal) {
        self.reply(Reply::Join(asker, JoinReply::refused(member_id, refusal)));
    }

    /// Answers the JoinGroup of a member, if it waits for one.
    pub fn finish_join(&mut self, id: &str, reply: JoinReply) {
        if let Some(asker) = self.next.waiting.joins.get(id).copied() {
            self.next.waiting.joins.remove_mut(id);
            self.reply(Reply::Join(asker, reply));
        }
    }

    /// Answers the SyncGroup of a member, if it waits for one, and says whether it did.
    pub fn finish_sync(&mut self, id: &str, reply: SyncReply) -> bool {
        let Some(asker) = self.next.waiting.syncs.get(id).copied() else { return false };
        self.next.waiting.syncs.remove_mut(id);
        self.reply(Reply::Sync(asker, reply));
        true
    }

    /// Lets a JoinGroup wait. Of two by one member the earlier is given up: its client has lost the connection.
    pub fn park_join(&mut self, id: &Arc<str>, asker: Asker<JoinReply>) {
        self.finish_join(id, JoinReply::refused(id, Refusal::RebalanceInProgress));
        self.next.waiting.joins.insert_mut(Arc::clone(id), asker);
    }

    /// Lets a SyncGroup wait, as above.
    pub fn park_sync(&mut self, id: &Arc<str>, asker: Asker<SyncReply>) {
        self.finish_sync(id, Refusal::RebalanceInProgress.into());
        self.next.waiting.syncs.insert_mut(Arc::clone(id), asker);
    }

    /// Begins a member's session anew.
    pub fn renew_session(&mut self, id: &str) {
        if let Some(member) = self.next.member(id) {
            let (timer, after_ms) = (Timer::Session(Arc::clone(&member.id)), member.session_timeout_ms);
            self.set(timer, after_ms);
        }
    }

    /// Takes a member out, with a word to whatever it waits for.
    pub fn remove(&mut self, id: &Arc<str>) {
        let nobody: Arc<str> = "".into();
        self.finish_join(id, JoinReply::refused(&nobody, Refusal::UnknownMember));
        self.finish_sync(id, Refusal::UnknownMember.into());
        self.next.remove(id);
        self.cancel(Timer::Session(Arc::clone(id)));
    }
}
