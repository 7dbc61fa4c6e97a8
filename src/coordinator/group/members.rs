//! The members of a group, whatever protocol they speak, as its offsets and its operators see them.

use super::classic::{self, Phase};
use super::consumer::{self, CommitCheck};
use super::offsets::{CommitRefusal, DeleteRefusal};

/// Who commits offsets.
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

/// Who asks for offsets (KIP-848).
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// `None` for one that is no member, or does not say.
    pub member_id: Option<&'a str>,
    /// -1 for one that is no member.
    pub member_epoch: i32,
}

/// The members of a group by their protocol.
#[derive(Clone, Copy, Debug)]
pub enum Members<'a> {
    /// The group only keeps offsets: it never had a member, and it exists as long as it keeps any.
    Nobody,
    Classic(&'a classic::Group),
    Consumer(&'a consumer::Group),
}

/// The protocol of a group, as ListGroups tells it (KIP-848).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Classic,
    Consumer,
}

impl Kind {
    /// As Kafka names it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Classic => "classic",
            Kind::Consumer => "consumer",
        }
    }
}

/// From when on the time counts after which offsets expire that no member uses (KIP-211).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Offsets do not expire now.
    Never,
    SinceCommitted,
    Since(i64),
}

impl Members<'_> {
    pub fn kind(self) -> Kind {
        match self {
            Members::Nobody | Members::Classic(_) => Kind::Classic,
            Members::Consumer(_) => Kind::Consumer,
        }
    }

    /// What the group is doing, as Kafka names it.
    pub fn state(self) -> &'static str {
        match self {
            Members::Nobody => Phase::Empty.name(),
            Members::Classic(group) => group.phase().name(),
            Members::Consumer(group) => group.state().name(),
        }
    }

    /// The number of members.
    pub fn count(self) -> usize {
        match self {
            Members::Nobody => 0,
            Members::Classic(group) => group.members().count(),
            Members::Consumer(group) => group.members().count(),
        }
    }

    /// The kind of work that the members share; empty for a group that never had any.
    pub fn protocol_type(&self) -> &str {
        match self {
            Members::Nobody => "",
            Members::Classic(group) => group.protocol_type().unwrap_or_default(),
            Members::Consumer(_) => "consumer",
        }
    }

    /// Whether offsets may be committed, and which. Transactions are not held up by a rebalance.
    pub fn check_commit(self, by: Committer<'_>) -> Result<CommitCheck, CommitRefusal> {
        match self {
            Members::Nobody if by.generation < 0 => {}
            // A generation of members that the group never had.
            Members::Nobody => classic::Group::empty(0).check_commit(by)?,
            Members::Classic(group) => group.check_commit(by)?,
            Members::Consumer(group) => return Ok(group.check_commit(by)?),
        }
        Ok(CommitCheck::Anything)
    }

    /// Whether this reader may be told offsets. A member of a classic group is not asked who it is.
    pub fn check_fetch(self, reader: Reader<'_>) -> Result<(), consumer::CommitRefusal> {
        match self {
            Members::Nobody | Members::Classic(_) => Ok(()),
            Members::Consumer(group) => group.check_fetch(reader.member_id, reader.member_epoch),
        }
    }

    /// Whether offsets may be deleted one by one. Of members that are no consumers nobody knows which they use
    /// (`ClassicGroup.validateOffsetDelete`).
    pub fn check_delete_offsets(self) -> Result<(), DeleteRefusal> {
        match self {
            Members::Classic(group) if !group.is_empty() && !group.is_of_consumers() => {
                Err(DeleteRefusal::NotEmpty)
            }
            Members::Nobody | Members::Classic(_) | Members::Consumer(_) => Ok(()),
        }
    }

    /// Whether the group may be deleted with all that it holds.
    pub fn check_delete(self) -> Result<(), DeleteRefusal> {
        match self {
            Members::Classic(group) if !group.is_empty() => Err(DeleteRefusal::NotEmpty),
            Members::Consumer(group) if !group.is_empty() => Err(DeleteRefusal::NotEmpty),
            Members::Nobody | Members::Classic(_) | Members::Consumer(_) => Ok(()),
        }
    }

    /// Whether members may still need offsets of the topic.
    pub fn is_subscribed(self, topic: &str) -> bool {
        match self {
            Members::Nobody => false,
            Members::Classic(group) => group.is_subscribed(topic),
            Members::Consumer(group) => group.is_subscribed(topic),
        }
    }

    /// How offsets expire, of topics that no member is subscribed to (`offsetExpirationCondition` of
    /// `ClassicGroup` and `ConsumerGroup`).
    pub fn expiry(self) -> Expiry {
        match self {
            Members::Nobody | Members::Consumer(_) => Expiry::SinceCommitted,
            Members::Classic(group) if group.protocol_type().is_none() => Expiry::SinceCommitted,
            Members::Classic(group) => match group.phase() {
                Phase::Empty => Expiry::Since(group.since_ms()),
                // Of others than consumers nobody knows what they read.
                Phase::Stable if group.is_of_consumers() => Expiry::SinceCommitted,
                Phase::Stable | Phase::Preparing { .. } | Phase::Completing => Expiry::Never,
            },
        }
    }
}
