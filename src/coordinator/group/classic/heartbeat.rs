//! Heartbeat: a member lives, and learns whether it must join again. Also what a commit of offsets is checked against.

use std::sync::Arc;

use super::Limits;
use super::decision::{Decision, Draft, Ticket};
use super::group::{Group, Phase};
use super::reply::{Refusal, Reply};
use crate::coordinator::group::Committer;

/// A sign of life.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    pub ticket: Ticket,
    pub member_id: Arc<str>,
    pub instance: Option<Arc<str>>,
    pub generation: i32,
}

/// Decides on a Heartbeat to a group that may not exist.
pub fn heartbeat(group: Option<&Group>, request: &Heartbeat, limits: &Limits, now_ms: i64) -> Decision {
    match group {
        Some(group) => group.heartbeat(request, limits, now_ms),
        None => Decision::without_group(request.ticket, Reply::Heartbeat(Err(Refusal::UnknownMember))),
    }
}

impl Group {
    pub fn heartbeat(&self, request: &Heartbeat, limits: &Limits, now_ms: i64) -> Decision {
        let mut draft = Draft::of(self, limits, now_ms);
        let outcome = self.check_heartbeat(request);
        if matches!(outcome, Ok(()) | Err(Refusal::RebalanceInProgress)) {
            draft.renew_session(&request.member_id);
        }
        draft.reply(request.ticket, Reply::Heartbeat(outcome));
        draft.unchanged()
    }

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

    /// Whether these offsets may be committed (`ClassicGroup.validateOffsetCommit`). Transactions are not held up by a
    /// rebalance, and their older versions name no member.
    pub fn check_commit(&self, by: Committer<'_>) -> Result<(), Refusal> {
        let is_anonymous = by.generation < 0 && by.member_id.is_empty() && by.instance.is_none();
        if by.generation < 0 && self.is_empty() {
            return Ok(());
        }
        if !is_anonymous {
            self.check_member(by.member_id, by.instance)?;
            if by.generation != self.generation {
                return Err(Refusal::IllegalGeneration);
            }
        } else if !by.is_transactional && !self.is_empty() {
            return Err(Refusal::UnknownMember);
        }
        match self.phase {
            Phase::Completing if !by.is_transactional => Err(Refusal::RebalanceInProgress),
            Phase::Empty | Phase::Preparing { .. } | Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    /// A commit by a member is a sign of life too, except while the group waits for its leader.
    pub fn committed(&self, member_id: &str, limits: &Limits, now_ms: i64) -> Decision {
        let mut draft = Draft::of(self, limits, now_ms);
        if matches!(self.phase, Phase::Stable | Phase::Preparing { .. }) {
            draft.renew_session(member_id);
        }
        draft.unchanged()
    }
}
