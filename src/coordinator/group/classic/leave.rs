//! LeaveGroup: members go, one or many at once; an operator may name static ones by their instance alone (KIP-345).

use std::sync::Arc;

use super::Timer;
use super::draft::{Draft, World};
use super::group::{Group, Phase};
use super::reply::Refusal;
use crate::coordinator::runtime::Decision;

/// Members that go.
#[derive(Clone, Debug)]
pub struct Leave {
    pub members: Vec<Leaver>,
}

#[derive(Clone, Debug)]
pub struct Leaver {
    /// Empty where the instance says it all.
    pub member_id: Arc<str>,
    pub instance: Option<Arc<str>>,
}

/// Decides on a LeaveGroup to a group that may not exist: it has none of the members.
pub fn leave(
    group: Option<&Group>,
    request: &Leave,
    world: World<'_>,
) -> Decision<Group, Vec<Result<(), Refusal>>> {
    let Some(group) = group else {
        return Decision::unchanged(vec![Err(Refusal::UnknownMember); request.members.len()]);
    };
    let mut draft = Draft::of(group, world);
    let outcomes: Vec<_> = request.members.iter().map(|leaver| draft.leave(leaver)).collect();
    if outcomes.iter().any(Result::is_ok) {
        match group.phase {
            Phase::Stable | Phase::Completing => draft.prepare(),
            Phase::Preparing { .. } => draft.maybe_complete(),
            Phase::Empty => {}
        }
    }
    draft.decided(outcomes)
}

impl Draft<'_> {
    fn leave(&mut self, leaver: &Leaver) -> Result<(), Refusal> {
        let id = &leaver.member_id;
        if id.is_empty() {
            let instance = leaver.instance.as_ref().ok_or(Refusal::UnknownMember)?;
            let id = self.next.statics.get(instance).cloned().ok_or(Refusal::UnknownMember)?;
            self.remove(&id);
        } else if self.next.waiting.ids.contains(id) {
            self.next.remove(id);
            self.cancel(Timer::Session(Arc::clone(id)));
        } else {
            self.next.check_member(id, leaver.instance.as_deref())?;
            self.remove(id);
        }
        Ok(())
    }
}
