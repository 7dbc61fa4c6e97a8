//! Heartbeat: a member lives, and learns whether it must join again.

use std::sync::Arc;

use super::draft::{Draft, World};
use super::group::{Group, Phase};
use super::reply::Refusal;
use crate::coordinator::runtime::Decision;

/// A sign of life.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    pub member_id: Arc<str>,
    pub instance: Option<Arc<str>>,
    pub generation: i32,
}

/// Decides on a Heartbeat to a group that may not exist.
pub fn heartbeat(
    group: Option<&Group>,
    request: &Heartbeat,
    world: World<'_>,
) -> Decision<Group, Result<(), Refusal>> {
    let Some(group) = group else { return Decision::unchanged(Err(Refusal::UnknownMember)) };
    let mut draft = Draft::of(group, world);
    let outcome = group.check_heartbeat(request);
    if matches!(outcome, Ok(()) | Err(Refusal::RebalanceInProgress)) {
        draft.renew_session(&request.member_id);
    }
    draft.unchanged(outcome)
}

impl Group {
    fn check_heartbeat(&self, request: &Heartbeat) -> Result<(), Refusal> {
        self.check_member(&request.member_id, request.instance.as_deref())?;
        if request.generation != self.generation {
            return Err(Refusal::IllegalGeneration);
        }
        match self.phase {
            Phase::Empty => Err(Refusal::UnknownMember),
            Phase::Preparing { .. } => Err(Refusal::RebalanceInProgress),
            Phase::Completing | Phase::Stable => Ok(()),
        }
    }
}
