//! The words that every layer shares: identifiers without logic.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Wraps a number or id so that two kinds cannot be mixed up.
macro_rules! newtype {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

newtype!(
    /// A broker of the cluster; also its Raft node id. Never negative for a real broker.
    BrokerId(i32)
);
newtype!(
    /// One life of a broker's process: the writer epoch of its Raft database, so a later process has a higher one.
    Incarnation(u64)
);
newtype!(
    /// The unit of ownership, fencing, group commit and failover.
    ShardId(u32)
);
newtype!(
    /// Names one life of a topic: a topic deleted and made anew has another id.
    TopicId(Uuid)
);
newtype!(
    /// An idempotent or transactional producer.
    ProducerId(i64)
);
newtype!(
    /// Assigned to a shard from one cluster-wide counter at every change of owner; the Kafka leader epoch of its
    /// partitions.
    LeaderEpoch(i32)
);
newtype!(
    /// Grows with every opening of a shard's index, and is SlateDB's: what owners are fenced by.
    #[derive(Default)]
    WriterEpoch(u64)
);

impl WriterEpoch {
    /// The epoch of an index that nobody has opened: below all others.
    pub const NONE: WriterEpoch = WriterEpoch(0);

    pub fn next(self) -> WriterEpoch {
        WriterEpoch(self.0 + 1)
    }
}

impl TopicId {
    /// Kafka's "no topic id" on the wire.
    pub const ZERO: TopicId = TopicId(Uuid::nil());
}

/// Kafka's topic-partition, by the topic's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    pub topic: TopicId,
    pub index: i32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.index)
    }
}
