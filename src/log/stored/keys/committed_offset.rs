//! Offsets of groups: how far each has read a partition.

use super::row::*;

row! {
    /// An offset that a group has committed.
    pub struct CommittedOffset = Tag::CommittedOffset, "committed offset", versions 1..=1;
    of {
        // Kafka's strings have a length of two bytes at most.
        group: String as Text(2),
        partition: Partition,
    }
    key {}
    value {
        /// Whatever the client said: Kafka takes negative ones too.
        offset: i64,
        /// The leader epoch of the last record read, -1 if the client did not say (KIP-320).
        leader_epoch: i32,
        /// When it was committed, in milliseconds since the Unix epoch.
        committed_ms: i64,
        /// When it expires, if the client said so: up to version 4 of OffsetCommit it could.
        expires_ms: Option<i64> as OrMinusOne,
        /// The client's own words.
        metadata: String as Rest,
    }
}
