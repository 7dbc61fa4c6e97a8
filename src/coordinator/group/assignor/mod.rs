//! Server-side assignors: who of a consumer group should own which partitions (KIP-848).
//! They know no member epochs, no revocations, no clock and no storage: a [`Spec`] in, a target per member out.
//! Entry point: [`Assignor::assign`].
//! Invariant: every partition of a subscribed topic goes to exactly one of that topic's subscribers.

mod range;
#[cfg(test)]
mod tests;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};

use crate::types::TopicId;

/// Partitions by topic. A topic without partitions is not in it.
pub type Assignment = BTreeMap<TopicId, BTreeSet<i32>>;

/// The input of an assignor.
#[derive(Clone, Debug, Default)]
pub struct Spec<'a> {
    pub members: BTreeMap<&'a str, MemberSpec<'a>>,
    /// Number of partitions of each subscribed topic. A topic that is not here does not exist.
    pub partitions: BTreeMap<TopicId, i32>,
}

impl Spec<'_> {
    /// The number of partitions of a topic; none if it does not exist.
    fn count(&self, topic: &TopicId) -> i32 {
        self.partitions.get(topic).copied().unwrap_or_default()
    }
}

/// One member as an assignor sees it.
#[derive(Clone, Debug, Default)]
pub struct MemberSpec<'a> {
    pub instance_id: Option<&'a str>,
    /// The rack that the member runs in. Kafka hands it to its assignors too, and neither looks at it.
    pub rack_id: Option<&'a str>,
    /// The topics subscribed to that exist.
    pub topics: BTreeSet<TopicId>,
    /// The last target, so that as much of it as possible stays.
    pub current: Option<&'a Assignment>,
}

/// The assignors that a member may ask for, by `server_assignor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignor {
    /// The same number of partitions for each, moving as few as possible.
    Uniform,
    /// The partitions of each topic in one run per member, the same runs for topics of the same size.
    Range,
}

impl Assignor {
    /// All of them, the default first (`group.consumer.assignors`).
    pub const ALL: [Assignor; 2] = [Assignor::Uniform, Assignor::Range];

    pub fn name(self) -> &'static str {
        match self {
            Assignor::Uniform => "uniform",
            Assignor::Range => "range",
        }
    }

    pub fn named(name: &str) -> Option<Assignor> {
        Assignor::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// A target for every member of `spec`; an empty one where there is nothing to own.
    pub fn assign(self, spec: &Spec<'_>) -> BTreeMap<String, Assignment> {
        match self {
            Assignor::Uniform => uniform::assign(spec),
            Assignor::Range => range::assign(spec),
        }
    }
}
