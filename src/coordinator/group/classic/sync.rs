//! SyncGroup: the leader hands out the assignments of a generation, and every member gets its own.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Timer;
use super::draft::{Draft, World};
use super::group::{Group, Phase};
use super::reply::{Refusal, Reply, SyncReply};
use super::stored::Stored;
use crate::coordinator::runtime::{Asker, Decision};

/// A member that asks for its assignment; the leader brings everybody's.
#[derive(Clone, Debug)]
pub struct Sync {
    pub member_id: Arc<str>,
    pub instance: Option<Arc<str>>,
    pub generation: i32,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub assignments: HashMap<String, Bytes>,
}

/// Decides on a SyncGroup to a group that may not exist.
pub fn sync(
    group: Option<&Group>,
    request: Sync,
    asker: Asker<SyncReply>,
    world: World<'_>,
) -> Decision<Group> {
    let mut draft = Draft::of(group.unwrap_or(&Group::empty(world.now_ms)), world);
    match draft.next.check_sync(&request) {
        Err(refusal) => draft.reply(Reply::Sync(asker, refusal.into())),
        Ok(()) => draft.sync(request, asker),
    }
    match group {
        Some(_) => draft.decided(()),
        None => Decision { next: None, ..draft.decided(()) },
    }
}

impl Group {
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
    fn sync(&mut self, request: Sync, asker: Asker<SyncReply>) {
        let id = Arc::clone(&request.member_id);
        match self.next.phase {
            Phase::Empty => self.reply(Reply::Sync(asker, Refusal::UnknownMember.into())),
            Phase::Preparing { .. } => {
                self.reply(Reply::Sync(asker, Refusal::RebalanceInProgress.into()));
            }
            Phase::Completing => {
                self.park_sync(&id, asker);
                self.has_synced(&id);
                if self.next.is_leader(&id) {
                    self.assign(request.assignments);
                }
            }
            Phase::Stable => {
                self.has_synced(&id);
                let reply = self.given(&id);
                self.reply(Reply::Sync(asker, reply));
            }
        }
    }

    fn has_synced(&mut self, id: &str) {
        self.next.waiting.unsynced.remove_mut(id);
        if self.next.waiting.unsynced.is_empty() {
            self.cancel(Timer::Syncs);
        }
    }

    /// The assignment that the leader gave a member in this generation.
    fn given(&self, id: &str) -> SyncReply {
        let assignment = self.next.member(id).map(|member| member.assignment.clone());
        self.next.sync_reply(assignment.unwrap_or_default())
    }

    /// The generation is complete. Members that the leader left out get nothing.
    fn assign(&mut self, mut assignments: HashMap<String, Bytes>) {
        let mut stored = Stored { since_ms: self.world.now_ms, ..Stored::of(&self.next) };
        for member in &mut stored.members {
            member.assignment = assignments.remove(&*member.id).unwrap_or_default();
        }
        if stored.encode().len() > self.world.limits.max_stored_bytes {
            self.drop_assignments(Refusal::TooLarge);
            self.prepare();
            return;
        }
        let ids: Vec<Arc<str>> = stored.members.iter().map(|member| Arc::clone(&member.id)).collect();
        self.record(stored.into());
        for id in &ids {
            let reply = self.given(id);
            if self.finish_sync(id, reply) {
                self.renew_session(id);
            }
        }
    }
}
