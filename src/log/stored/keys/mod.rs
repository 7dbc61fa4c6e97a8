//! The rows of a shard's index: what every stored key and value means, byte by byte.
//! It knows nothing of SlateDB, objects or tasks: bytes in, values out.
//! Entry point: [`Tag`], the table of all kinds of rows; one file per kind.
//! Invariant: a value that was written is read back the same; anything else is a [`RowError`], never a panic.
//!
//! All numbers are big-endian, so that keys sort as their fields do.

mod committed_offset;
mod extent;
pub mod forms;
mod leader_epoch;
mod log_start;
mod lost;
mod object;
mod row;
mod served;
mod snapshot;
#[cfg(test)]
mod tests;
mod topic;

use bytes::{Bytes, BytesMut};

use crate::log::stored::fields::{Codec, Plain, Reader, Sink as _};
use crate::types::Partition;

pub use committed_offset::CommittedOffset;
pub use extent::{Extent, Offsets, ProducerRun};
pub use leader_epoch::LeaderEpochStart;
pub use log_start::LogStart;
pub use lost::Lost;
pub use object::Object;
pub use served::Served;
pub use snapshot::{PartitionSnapshot, ProducerEntry};
pub use topic::KeptTopic;

/// The kinds of rows. A tag is the first byte of a key and is never used again for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tag {
    /// A run of record batches, and where it lies: `tag | topic id 16 | partition u32 | last offset u64`. [`Extent`].
    Extent = 1,
    /// Next offset and idempotent producers as of one commit: `tag | topic id 16 | partition u32`.
    /// [`PartitionSnapshot`].
    Snapshot = 2,
    /// First offset that can be read: `tag | topic id 16 | partition u32`. [`LogStart`].
    LogStart = 3,
    /// First offset of a leader epoch: `tag | topic id 16 | partition u32 | epoch u32`. [`LeaderEpochStart`].
    LeaderEpoch = 4,
    /// No meaning: gives a commit something to carry when the index is to be flushed and nothing else changed. `tag`.
    FlushMarker = 5,
    /// A classic group as of its last complete generation: `tag | group id`. Declared by the coordinator.
    ClassicGroup = 6,
    /// An offset that a group has committed: `tag | group id length u16 | group id | topic id 16 | partition u32`.
    /// [`CommittedOffset`].
    CommittedOffset = 7,
    /// A part of a consumer group: `tag | group id length u16 | group id | which part u8 | its name`. Declared by the
    /// coordinator.
    ConsumerGroup = 8,
    /// The newest metadata that the shard served under: `tag`. [`Served`].
    Served = 9,
    /// Offsets that were given up in a repair: `tag | topic id 16 | partition u32 | last offset u64`. [`Lost`].
    Lost = 10,
    /// A topic with partitions here, as it was served last: `tag | topic id 16`. [`KeptTopic`].
    Topic = 11,
}

impl Tag {
    /// All kinds that are keyed by a partition: what goes when the partition goes.
    pub const OF_PARTITION: [Tag; 5] =
        [Tag::Extent, Tag::Snapshot, Tag::LogStart, Tag::LeaderEpoch, Tag::Lost];
}

/// Length of a key's part that names a partition, the tag included.
pub const PREFIX_LEN: usize = 1 + 16 + 4;

/// The reason why a stored row is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The bytes are not what their kind of row looks like.
    #[error("malformed {0} row")]
    Malformed(&'static str),
    /// A later program wrote it.
    #[error("{row} row of version {version}, and this program reads versions up to {latest}")]
    TooNew { row: &'static str, version: u8, latest: u8 },
    /// The form is known, and nothing serves it yet.
    #[error("extent in {object}, {form}: this program does not serve such")]
    NotServed { object: Object, form: &'static str },
    /// Another broker could not read it.
    #[error(
        "row of kind {kind}, version {version}, which level {level} of the cluster does not allow to write"
    )]
    NotAtLevel { kind: u8, version: u8, level: u16 },
}

/// The start of all keys of one kind of a partition.
pub fn prefix(tag: Tag, partition: Partition) -> [u8; PREFIX_LEN] {
    let mut key = [0; PREFIX_LEN];
    key[0] = tag as u8;
    key[1..17].copy_from_slice(partition.topic.0.as_bytes());
    key[17..].copy_from_slice(&partition.index.cast_unsigned().to_be_bytes());
    key
}

/// The partition whose row has this key.
pub fn partition_of(tag: Tag, key: &[u8]) -> Result<Partition, RowError> {
    let mut from = Reader::new(key);
    let is_row = from.take(1) == Some(&[tag as u8]);
    Some(&mut from)
        .filter(|_| is_row)
        .and_then(|from| Plain.get(from))
        .ok_or(RowError::Malformed("partition's"))
}

/// The row that a flush of the index may ride on.
pub fn flush_marker() -> (Bytes, Bytes) {
    (Bytes::from_static(&[Tag::FlushMarker as u8]), Bytes::from_static(&[1]))
}

/// A key of one kind, of fields that another layer has declared.
pub fn key<T>(tag: Tag, fields: &T) -> Bytes
where
    Plain: Codec<T>,
{
    let mut into = BytesMut::new();
    into.write(&[tag as u8]);
    Plain.put(fields, &mut into);
    into.freeze()
}

/// The fields of a key of this kind.
pub fn fields_of<T>(tag: Tag, key: &[u8]) -> Result<T, RowError>
where
    Plain: Codec<T>,
{
    let mut from = Reader::new(key);
    let is_row = from.take(1) == Some(&[tag as u8]);
    let fields = Some(&mut from).filter(|_| is_row).and_then(|from| Plain.get(from));
    fields.filter(|_| from.end().is_some()).ok_or(RowError::Malformed("coordinator's"))
}

/// All keys of one kind.
pub fn range(tag: Tag) -> std::ops::Range<Bytes> {
    Bytes::copy_from_slice(&[tag as u8])..Bytes::copy_from_slice(&[tag as u8 + 1])
}
