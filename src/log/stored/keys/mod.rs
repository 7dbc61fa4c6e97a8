//! The rows of a shard's index: what every stored key and value means, byte by byte.
//! It knows nothing of SlateDB, objects or tasks: bytes in, values out.
//! Entry point: [`Tag`], the table of all kinds of rows; one file per kind.
//! Invariant: a value that was written is read back the same; anything else is a [`Malformed`], never a panic.
//!
//! All numbers are big-endian, so that keys sort as their fields do.

mod committed_offset;
mod extent;
mod leader_epoch;
mod log_start;
mod lost;
mod object;
mod served;
mod snapshot;
#[cfg(test)]
mod tests;
mod topic;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::types::{Partition, TopicId};

pub use committed_offset::CommittedOffset;
pub use extent::{Extent, ProducerRun};
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
    /// Where a run of record batches lies: `tag | topic id 16 | partition u32 | last offset u64`. [`Extent`].
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
    /// A classic group as of its last complete generation: `tag | group id`. The value is the coordinator's.
    ClassicGroup = 6,
    /// An offset that a group has committed: `tag | group id length u16 | group id | topic id 16 | partition u32`.
    /// [`CommittedOffset`].
    CommittedOffset = 7,
    /// A part of a consumer group: `tag | group id length u16 | group id | which part`. Part and value are the
    /// coordinator's.
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

/// Stored bytes that are not what their kind of row looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0} row")]
pub struct Malformed(pub &'static str);

/// What all keys of one kind of a partition start with.
pub fn prefix(tag: Tag, partition: Partition) -> [u8; PREFIX_LEN] {
    let mut key = [0; PREFIX_LEN];
    key[0] = tag as u8;
    key[1..17].copy_from_slice(partition.topic.0.as_bytes());
    key[17..].copy_from_slice(&partition.index.cast_unsigned().to_be_bytes());
    key
}

/// A key of `tag` and `partition` alone.
fn plain_key(tag: Tag, partition: Partition) -> Bytes {
    Bytes::copy_from_slice(&prefix(tag, partition))
}

/// A key of `tag` and `partition` that ends in `rest`.
fn long_key(tag: Tag, partition: Partition, rest: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(PREFIX_LEN + rest.len());
    key.put_slice(&prefix(tag, partition));
    key.put_slice(rest);
    key.freeze()
}

/// The partition that a key is about, and what follows it.
fn split_key<'a>(tag: Tag, name: &'static str, key: &'a [u8]) -> Result<(Partition, &'a [u8]), Malformed> {
    let (head, rest) = key.split_at_checked(PREFIX_LEN).ok_or(Malformed(name))?;
    if head[0] != tag as u8 {
        return Err(Malformed(name));
    }
    let topic = uuid::Uuid::from_slice(&head[1..17]).map_err(|_| Malformed(name))?;
    let index = (&head[17..]).try_get_u32().map_err(|_| Malformed(name))?.cast_signed();
    Ok((Partition { topic: TopicId(topic), index }, rest))
}

/// The partition whose row has this key.
pub fn partition_of(tag: Tag, key: &[u8]) -> Result<Partition, Malformed> {
    Ok(split_key(tag, "partition's", key)?.0)
}

/// The row that a flush of the index may ride on.
pub fn flush_marker() -> (Bytes, Bytes) {
    (Bytes::from_static(&[Tag::FlushMarker as u8]), Bytes::from_static(&[1]))
}

/// The key of a classic group.
pub fn classic_group(id: &str) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + id.len());
    key.put_u8(Tag::ClassicGroup as u8);
    key.put_slice(id.as_bytes());
    key.freeze()
}

/// The id of the group whose key this is.
pub fn classic_group_id(key: &[u8]) -> Result<&str, Malformed> {
    let malformed = Malformed("classic group");
    match key.split_first() {
        Some((tag, id)) if *tag == Tag::ClassicGroup as u8 => std::str::from_utf8(id).map_err(|_| malformed),
        _ => Err(malformed),
    }
}

/// The key of a part of a consumer group.
pub fn consumer_group(id: &str, part: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + 2 + id.len() + part.len());
    key.put_u8(Tag::ConsumerGroup as u8);
    // Kafka's strings have a length of two bytes at most.
    key.put_u16(u16::try_from(id.len()).unwrap_or(u16::MAX));
    key.put_slice(id.as_bytes());
    key.put_slice(part);
    key.freeze()
}

/// The id of the consumer group whose key this is, and which part of it.
pub fn split_consumer_group(key: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let malformed = Malformed("consumer group");
    let (tag, mut rest) = key.split_first().ok_or(malformed)?;
    let length = rest.try_get_u16().map_err(|_| malformed)?;
    let (id, part) = rest.split_at_checked(usize::from(length)).ok_or(malformed)?;
    match *tag == Tag::ConsumerGroup as u8 {
        true => Ok((std::str::from_utf8(id).map_err(|_| malformed)?, part)),
        false => Err(malformed),
    }
}

/// All keys of one kind.
pub fn range(tag: Tag) -> std::ops::Range<Bytes> {
    Bytes::copy_from_slice(&[tag as u8])..Bytes::copy_from_slice(&[tag as u8 + 1])
}

/// Checks the version byte that starts every value.
fn expect_version(name: &'static str, value: &mut &[u8], version: u8) -> Result<(), Malformed> {
    match value.try_get_u8() {
        Ok(found) if found == version => Ok(()),
        _ => Err(Malformed(name)),
    }
}

/// Checks that nothing follows a value.
fn expect_end(name: &'static str, value: &[u8]) -> Result<(), Malformed> {
    if value.is_empty() { Ok(()) } else { Err(Malformed(name)) }
}

/// An offset as stored: never negative.
fn offset(name: &'static str, value: &mut &[u8]) -> Result<i64, Malformed> {
    let offset = value.try_get_i64().map_err(|_| Malformed(name))?;
    if offset < 0 { Err(Malformed(name)) } else { Ok(offset) }
}
