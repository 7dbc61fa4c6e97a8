//! The members of a group, whatever protocol they speak, as its offsets and its operators see them.

use super::timer::Timer;
use crate::coordinator::runtime::TimerChange;
use crate::types::Partition;

/// A client that commits offsets.
#[derive(Clone, Copy, Debug)]
pub struct Committer<'a> {
    /// Empty for one that is no member.
    pub member_id: &'a str,
    pub instance: Option<&'a str>,
    /// The generation, or the member epoch; -1 for one that is no member.
    pub generation: i32,
    pub is_transactional: bool,
    /// Of OffsetCommit.
    pub version: i16,
}

/// A client that asks for offsets (KIP-848).
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// `None` for one that is no member, or does not say.
    pub member_id: Option<&'a str>,
    /// -1 for one that is no member.
    pub member_epoch: i32,
}

/// The reason why offsets are not committed or fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitRefusal {
    #[error("there is no such group")]
    NoGroup,
    #[error("the group has no such member")]
    UnknownMember,
    #[error("another member has taken the instance id")]
    FencedInstance,
    #[error("the generation is not the group's, or not the member's epoch")]
    IllegalGeneration,
    #[error("a new generation is being formed")]
    RebalanceInProgress,
    #[error("the member's epoch is not the one that the offsets are of")]
    StaleEpoch,
    #[error("members of the consumer protocol commit with version 9 or above")]
    OldVersion,
}

/// The reason why a group, or offsets of it, are not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteRefusal {
    #[error("there is no such group")]
    NoGroup,
    #[error("the group has members")]
    NotEmpty,
    #[error("members are subscribed to the topic")]
    Subscribed,
}

/// The start of the time after which offsets expire that no member uses (KIP-211).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Offsets do not expire now.
    Never,
    SinceCommitted,
    Since(i64),
}

/// The members of one group.
pub trait Members {
    /// The protocol of the group, as ListGroups tells it (KIP-848).
    fn kind(&self) -> &'static str;

    /// The state of the group, as Kafka names it.
    fn state(&self) -> &'static str;

    /// The number of members.
    fn count(&self) -> usize;

    /// The kind of work that the members share; empty for a group that never had any.
    fn protocol_type(&self) -> &str;

    /// Checks that offsets of these partitions may be committed, all of them. Transactions are not held up by a
    /// rebalance.
    fn check_commit(&self, by: Committer<'_>, partitions: &[Partition]) -> Result<(), CommitRefusal>;

    /// The timer that begins anew when a member commits, where that is a sign of life.
    fn renew_by_commit(&self, _member_id: &str) -> Option<TimerChange<Timer>> {
        None
    }

    /// Checks that this reader may have offsets.
    fn check_fetch(&self, _reader: Reader<'_>) -> Result<(), CommitRefusal> {
        Ok(())
    }

    /// Checks that offsets may be deleted one by one.
    fn check_delete_offsets(&self) -> Result<(), DeleteRefusal> {
        Ok(())
    }

    /// Checks that the group may be deleted with all that it holds.
    fn check_delete(&self) -> Result<(), DeleteRefusal>;

    /// True if members may still need offsets of the topic.
    fn is_subscribed(&self, topic: &str) -> bool;

    /// The expiry of offsets of topics that no member is subscribed to.
    fn expiry(&self) -> Expiry {
        Expiry::SinceCommitted
    }
}

/// The members of a group that only keeps offsets: it never had any, and it exists as long as it keeps offsets.
pub struct Nobody;

impl Members for Nobody {
    fn kind(&self) -> &'static str {
        "classic"
    }

    fn state(&self) -> &'static str {
        "Empty"
    }

    fn count(&self) -> usize {
        0
    }

    fn protocol_type(&self) -> &'static str {
        ""
    }

    fn check_commit(&self, by: Committer<'_>, _partitions: &[Partition]) -> Result<(), CommitRefusal> {
        match by.generation < 0 {
            true => Ok(()),
            // A generation of members that the group never had.
            false => Err(CommitRefusal::UnknownMember),
        }
    }

    fn check_delete(&self) -> Result<(), DeleteRefusal> {
        Ok(())
    }

    fn is_subscribed(&self, _topic: &str) -> bool {
        false
    }
}
