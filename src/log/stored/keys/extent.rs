//! Extents: where the record batches of a partition lie.

use std::borrow::Borrow;

use super::row::*;

row! {
    /// A run of consecutive record batches of one partition inside one object. A seek to an offset lands on its extent.
    ///
    /// Version 2 is room for writers that are no owners: it is read, and refused; nothing writes it yet.
    pub struct Extent = Tag::Extent, "extent", versions 1..=2;
    written in form, served if is_served;
    of { partition: Partition }
    key {
        /// Offset of the last record.
        last_offset: i64 as Seek,
    }
    value {
        /// Offset of the first record.
        base_offset: i64 as Offset,
        /// The object that holds the batches.
        object: Object,
        /// Position of the first batch in the object, in bytes from the object's start.
        position: u32,
        /// Length of all batches, in bytes. They follow one another without gaps.
        length: u32,
        /// Leader epoch of every batch.
        leader_epoch: LeaderEpoch,
        /// Greatest timestamp of any record, in milliseconds since the Unix epoch; -1 if no record has one.
        max_timestamp: i64,
        /// When the owner took the batches, in milliseconds since the Unix epoch by its clock.
        appended_ms: i64,
        /// Batches of idempotent producers, in offset order; of each producer the last five at most, which is what
        /// Kafka remembers of it.
        producers: Vec<ProducerRun> as Many(2, RunFrom::offset(base_offset)),
        offsets [2..]: Offsets,
    }
    where base_offset <= last_offset;
}

impl Extent {
    /// Length of every extent's key, in bytes.
    pub const KEY_LEN: usize = super::PREFIX_LEN + 8;

    /// The earliest version that can say all of it.
    fn form(&self) -> u8 {
        if self.is_served().is_ok() { 1 } else { 2 }
    }

    fn is_served(&self) -> Result<(), RowError> {
        let form = match (self.object, self.offsets) {
            (Object::OfShard { .. }, _) => "which another shard wrote",
            (_, Offsets::OnReading) => "whose records get their offsets on reading",
            (Object::Log(_) | Object::Packed { .. }, Offsets::Written) => return Ok(()),
        };
        Err(RowError::NotServed { object: self.object, form })
    }
}

/// The offsets of an extent's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offsets {
    /// In the batches.
    #[default]
    Written,
    /// Counted from the extent's first, whatever the batches say: who wrote them did not know.
    OnReading,
}

codes!(Offsets { Written = 0, OnReading = 1 });

/// One batch of an idempotent producer, as far as finding its duplicates needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerRun {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// Sequence number of the batch's first record.
    pub first_sequence: i32,
    /// Sequence number of the batch's last record; lower than the first where the numbers wrapped.
    pub last_sequence: i32,
    /// Offset of the batch's first record.
    pub base_offset: i64,
    /// Offset of the batch's last record.
    pub last_offset: i64,
    /// The batch's greatest timestamp.
    pub timestamp: i64,
}

/// The codec of a run in an extent, whose offsets are counted from this one.
struct RunFrom(i64);

impl RunFrom {
    fn offset(base: impl Borrow<i64>) -> RunFrom {
        RunFrom(*base.borrow())
    }
}

fields!(ProducerRun {
    producer_id,
    producer_epoch,
    first_sequence,
    last_sequence,
    base_offset as Delta(from.0),
    last_offset as Delta(from.0),
    timestamp,
} by from: RunFrom);

/// The codec of an offset that is counted from this one, as u32. An extent holds fewer than 2^32 records, since an object
/// has fewer bytes.
pub(super) struct Delta(pub i64);

impl Codec<i64> for Delta {
    fn put(&self, offset: &i64, into: &mut impl Sink) {
        Plain.put(&u32::try_from(offset - self.0).unwrap_or(u32::MAX), into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<i64> {
        Plain.get(from).map(|delta: u32| self.0.saturating_add(delta.into()))
    }
}
