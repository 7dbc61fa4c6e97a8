//! LeaveGroup: members go, one or many at once; an operator may name static ones by their instance alone (KIP-345).

use std::sync::Arc;

use super::Limits;
use super::decision::{Decision, Draft, Ticket, Timer};
use super::group::{Group, Phase};
use super::reply::{Refusal, Reply};

/// Members that go.
#[derive(Clone, Debug)]
pub struct Leave {
    pub ticket: Ticket,
    pub members: Vec<Leaver>,
}

#[derive(Clone, Debug)]
pub struct Leaver {
    /// Empty where the instance says it all.
    pub member_id: Arc<str>,
    pub instance: Option<Arc<str>>,
}

/// Decides on a LeaveGroup to a group that may not exist: it has none of the members.
pub fn leave(group: Option<&Group>, request: &Leave, limits: &Limits, now_ms: i64) -> Decision {
    match group {
        Some(group) => group.leave(request, limits, now_ms),
        None => {
            let outcomes = vec![Err(Refusal::UnknownMember); request.members.len()];
            Decision::without_group(request.ticket, Reply::Leave(outcomes))
        }
    }
}

impl Group {
    pub fn leave(&self, request: &Leave, limits: &Limits, now_ms: i64) -> Decision {
        let mut draft = Draft::of(self, limits, now_ms);
        let outcomes: Vec<_> = request.members.iter().map(|leaver| draft.leave(leaver)).collect();
        if outcomes.iter().any(Result::is_ok) {
            match self.phase {
                Phase::Stable | Phase::Completing => draft.prepare(),
                Phase::Preparing { .. } => draft.maybe_complete(),
                Phase::Empty => {}
            }
        }
        draft.reply(request.ticket, Reply::Leave(outcomes));
        draft.decided()
    }
}

impl Draft<'_> {
    fn leave(&mut self, leaver: &Leaver) -> Result<(), Refusal> {
        let id = &leaver.member_id;
        if id.is_empty() {
            let instance = leaver.instance.as_ref().ok_or(Refusal::UnknownMember)?;
            let id = self.group.statics.get(instance).cloned().ok_or(Refusal::UnknownMember)?;
            self.remove(&id);
        } else if self.group.waiting.ids.contains(id) {
            self.group.remove(id);
            self.cancel(Timer::Session(Arc::clone(id)));
        } else {
            self.group.check_member(id, leaver.instance.as_deref())?;
            self.remove(id);
        }
        Ok(())
    }
}
