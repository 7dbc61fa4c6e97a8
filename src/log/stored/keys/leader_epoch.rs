//! Leader epochs of a partition, and where each begins.

use super::row::*;

row! {
    /// The offset of the first batch of a leader epoch; written together with that batch.
    #[derive(Copy)]
    pub struct LeaderEpochStart = Tag::LeaderEpoch, "leader epoch", versions 1..=1;
    of { partition: Partition }
    key { epoch: LeaderEpoch as Seek }
    value { start_offset: i64 as Offset }
}
