//! The members of a classic group, as offsets and operators see them.

use std::sync::Arc;

use super::Timer;
use super::group::{Group, Phase};
use super::reply::Refusal;
use crate::coordinator::group::members::{CommitRefusal, Committer, DeleteRefusal, Expiry, Members};
use crate::coordinator::runtime::TimerChange;
use crate::protocol::consumer::{self, Subscription};
use crate::types::Partition;

impl Members for Group {
    fn kind(&self) -> &'static str {
        "classic"
    }

    fn state(&self) -> &'static str {
        self.phase.name()
    }

    fn count(&self) -> usize {
        self.members.size()
    }

    fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }

    /// As `ClassicGroup.validateOffsetCommit`. Older versions of transactions name no member.
    fn check_commit(&self, by: Committer<'_>, _partitions: &[Partition]) -> Result<(), CommitRefusal> {
        let is_anonymous = by.generation < 0 && by.member_id.is_empty() && by.instance.is_none();
        if by.generation < 0 && self.is_empty() {
            return Ok(());
        }
        if !is_anonymous {
            self.check_member(by.member_id, by.instance).map_err(|refusal| match refusal {
                Refusal::FencedInstance => CommitRefusal::FencedInstance,
                _ => CommitRefusal::UnknownMember,
            })?;
            if by.generation != self.generation {
                return Err(CommitRefusal::IllegalGeneration);
            }
        } else if !by.is_transactional && !self.is_empty() {
            return Err(CommitRefusal::UnknownMember);
        }
        match self.phase {
            Phase::Completing if !by.is_transactional => Err(CommitRefusal::RebalanceInProgress),
            Phase::Empty | Phase::Preparing { .. } | Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    /// Not while the group waits for its leader.
    fn renew_by_commit(&self, member_id: &str) -> Option<TimerChange<Timer>> {
        let member = self.member(member_id)?;
        let timer = Timer::Session(Arc::clone(&member.id));
        let after_ms = member.session_timeout_ms;
        matches!(self.phase, Phase::Stable | Phase::Preparing { .. })
            .then_some(TimerChange::Set { timer, after_ms })
    }

    /// Of members that are no consumers nobody knows which offsets they use (`ClassicGroup.validateOffsetDelete`).
    fn check_delete_offsets(&self) -> Result<(), DeleteRefusal> {
        if self.is_of_consumers() { Ok(()) } else { self.check_delete() }
    }

    fn check_delete(&self) -> Result<(), DeleteRefusal> {
        if self.is_empty() { Ok(()) } else { Err(DeleteRefusal::NotEmpty) }
    }

    /// Of a member whose subscription cannot be read nothing is known, so offsets are still of use
    /// (`ClassicGroup.isSubscribedToTopic`).
    fn is_subscribed(&self, topic: &str) -> bool {
        if !self.is_of_consumers() || self.members.is_empty() {
            return false;
        }
        let Some(protocol) = self.protocol_name() else { return true };
        self.members().any(|member| {
            // Metadata that cannot be read may name the topic.
            consumer::decode::<Subscription>(&member.metadata(protocol)).map_or(true, |(subscription, _)| {
                subscription.topics.iter().any(|subscribed| subscribed == topic)
            })
        })
    }

    /// As `offsetExpirationCondition` of `ClassicGroup`.
    fn expiry(&self) -> Expiry {
        match self.phase {
            _ if self.protocol_type.is_none() => Expiry::SinceCommitted,
            Phase::Empty => Expiry::Since(self.since_ms),
            // Of others than consumers nobody knows what they read.
            Phase::Stable if self.is_of_consumers() => Expiry::SinceCommitted,
            Phase::Stable | Phase::Preparing { .. } | Phase::Completing => Expiry::Never,
        }
    }
}
