//! SyncGroup: the leader hands out the assignments of a generation, and every member gets its own.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Limits;
use super::decision::{Decision, Draft, Ticket, Timer};
use super::group::{Group, Phase};
use super::reply::{Refusal, Reply, SyncReply};
use super::stored::Stored;

/// A member that asks for its assignment; the leader brings everybody's.
#[derive(Clone, Debug)]
pub struct Sync {
    pub ticket: Ticket,
    pub member_id: Arc<str>,
    pub instance: Option<Arc<str>>,
    pub generation: i32,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub assignments: HashMap<String, Bytes>,
}

/// Decides on a SyncGroup to a group that may not exist.
pub fn sync(group: Option<&Group>, request: Sync, limits: &Limits, now_ms: i64) -> Decision {
    match group {
        Some(group) => group.sync(request, limits, now_ms),
        None => Decision::without_group(request.ticket, Reply::Sync(Refusal::UnknownMember.into())),
    }
}

impl Group {
    pub fn sync(&self, request: Sync, limits: &Limits, now_ms: i64) -> Decision {
        let mut draft = Draft::of(self, limits, now_ms);
        match self.check_sync(&request) {
            Err(refusal) => draft.reply(request.ticket, Reply::Sync(refusal.into())),
            Ok(()) => draft.sync(request),
        }
        draft.decided()
    }

    fn check_sync(&self, request: &Sync) -> Result<(), Refusal> {
        self.check_member(&request.member_id, request.instance.as_deref())?;
        if request.generation != self.generation {
            return Err(Refusal::IllegalGeneration);
        }
        let differs =
            |asked: Option<&str>, ours: Option<&str>| asked.is_some() && ours.is_some() && asked != ours;
        if differs(request.protocol_type.as_deref(), self.protocol_type())
            || differs(request.protocol_name.as_deref(), self.protocol_name())
        {
            return Err(Refusal::InconsistentProtocol);
        }
        Ok(())
    }
}

impl Draft<'_> {
    fn sync(&mut self, request: Sync) {
        let id = Arc::clone(&request.member_id);
        match self.group.phase {
            Phase::Empty => self.reply(request.ticket, Reply::Sync(Refusal::UnknownMember.into())),
            Phase::Preparing { .. } => {
                self.reply(request.ticket, Reply::Sync(Refusal::RebalanceInProgress.into()));
            }
            Phase::Completing => {
                self.park_sync(&id, request.ticket);
                self.has_synced(&id);
                if self.group.is_leader(&id) {
                    self.assign(request.assignments);
                }
            }
            Phase::Stable => {
                self.has_synced(&id);
                let reply = self.given(&id);
                self.reply(request.ticket, Reply::Sync(reply));
            }
        }
    }

    fn has_synced(&mut self, id: &str) {
        self.group.waiting.unsynced.remove_mut(id);
        if self.group.waiting.unsynced.is_empty() {
            self.cancel(Timer::Sync);
        }
    }

    /// What the leader gave a member in this generation.
    fn given(&self, id: &str) -> SyncReply {
        let assignment = self.group.member(id).map(|member| member.assignment.clone());
        self.group.sync_reply(assignment.unwrap_or_default())
    }

    /// The generation is complete. Members that the leader left out get nothing.
    fn assign(&mut self, mut assignments: HashMap<String, Bytes>) {
        let ids: Vec<Arc<str>> = self.group.members.keys().cloned().collect();
        let before = self.group.clone();
        for id in &ids {
            let assignment = assignments.remove(&**id).unwrap_or_default();
            self.group.update(id, |member| member.assignment = assignment);
        }
        self.group.enter(Phase::Stable, self.now_ms);
        let stored = Stored::of(&self.group);
        if stored.len() > self.limits.max_stored_bytes {
            self.group = before;
            self.drop_assignments(Refusal::TooLarge);
            self.prepare();
            return;
        }
        self.store(stored);
        for id in &ids {
            let reply = self.given(id);
            if self.finish_sync(id, reply) {
                self.renew_session(id);
            }
        }
    }
}
