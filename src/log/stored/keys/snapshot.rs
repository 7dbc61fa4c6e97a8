//! Snapshots of partitions: all that commits need to know of the past, as of one commit.

use std::borrow::Borrow;

use super::ProducerRun;
use super::row::*;

row! {
    /// Next offset and idempotent producers of a partition, so that loading it reads only the extents behind.
    ///
    /// Written in the commit that precedes an index flush; what came later is in the extents from `next_offset` on.
    #[derive(Default)]
    pub struct PartitionSnapshot = Tag::Snapshot, "partition snapshot", versions 1..=1;
    of { partition: Partition }
    key {}
    value {
        /// Offset of the next record.
        next_offset: i64 as Offset,
        /// Bytes of all extents before it that ever were, removed ones included ([`super::LogStart`] counts those).
        log_bytes: u64,
        /// Idempotent producers, by ascending id.
        producers: Vec<ProducerEntry>,
    }
}

fields! {
    /// A producer, as far as it is remembered.
    pub struct ProducerEntry {
        producer_id: i64,
        producer_epoch: i16,
        /// When its last batch was taken, in milliseconds since the Unix epoch; for its expiry.
        last_appended_ms: i64,
        /// Its last batches of this epoch, oldest first, five at most. All have the producer's id and epoch.
        batches: Vec<ProducerRun> as Many(1, RunOf::producer(producer_id, producer_epoch)),
    }
}

/// The codec of a batch of a producer with this id and epoch.
struct RunOf(i64, i16);

impl RunOf {
    fn producer(id: impl Borrow<i64>, epoch: impl Borrow<i16>) -> RunOf {
        RunOf(*id.borrow(), *epoch.borrow())
    }
}

fields!(ProducerRun {
    first_sequence,
    last_sequence,
    base_offset as Offset,
    last_offset as Offset,
    timestamp,
} but { producer_id: of.0, producer_epoch: of.1 } by of: RunOf);
