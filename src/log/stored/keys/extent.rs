//! Where the record batches of a partition lie.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Malformed, Object, Tag, expect_end, expect_version, long_key, offset, split_key};
use crate::types::{LeaderEpoch, Partition};

const NAME: &str = "extent";
const VERSION: u8 = 1;

/// A run of consecutive record batches of one partition inside one object.
///
/// ```text
/// key    tag 1 | topic id 16 | partition u32 | last offset u64   (a seek to an offset lands on its extent)
/// value  version u8 = 1 | base offset u64 | object | position u32 | length u32 | leader epoch u32
///        | max timestamp i64 | appended ms i64 | runs u16 | runs x [producer id i64 | epoch i16
///        | first sequence i32 | last sequence i32 | first offset delta u32 | last offset delta u32 | timestamp i64]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Offset of the last record.
    pub last_offset: i64,
    /// The object that holds the batches.
    pub object: Object,
    /// Position of the first batch in the object, in bytes from the object's start.
    pub position: u32,
    /// Length of all batches, in bytes. They follow one another without gaps.
    pub length: u32,
    /// Leader epoch of every batch.
    pub leader_epoch: LeaderEpoch,
    /// Greatest timestamp of any record, in milliseconds since the Unix epoch; -1 if no record has one.
    pub max_timestamp: i64,
    /// When the owner took the batches, in milliseconds since the Unix epoch by its clock.
    pub appended_ms: i64,
    /// Batches of idempotent producers, in offset order; of each producer the last five at most, which is what
    /// Kafka remembers of it.
    pub producers: Vec<ProducerRun>,
}

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

impl Extent {
    const FIXED_LEN: usize = 1 + 8 + 4 + 4 + 4 + 8 + 8 + 2;
    const RUN_LEN: usize = 8 + 2 + 4 + 4 + 4 + 4 + 8;

    /// Length of every extent's key, in bytes.
    pub const KEY_LEN: usize = super::PREFIX_LEN + 8;

    /// The key of the extent of `partition` whose last offset is `last_offset`. As the lower bound of a scan it finds
    /// the extent that holds `last_offset`, or the first one behind it.
    pub fn key(partition: Partition, last_offset: i64) -> Bytes {
        long_key(Tag::Extent, partition, &last_offset.max(0).to_be_bytes())
    }

    /// Number of bytes that [`Extent::value`] gives.
    pub fn value_len(&self) -> usize {
        Extent::FIXED_LEN + self.object.encoded_len() + self.producers.len() * Extent::RUN_LEN
    }

    /// The stored value.
    pub fn value(&self) -> Bytes {
        let mut into = BytesMut::with_capacity(self.value_len());
        into.put_u8(VERSION);
        into.put_i64(self.base_offset);
        self.object.encode(&mut into);
        into.put_u32(self.position);
        into.put_u32(self.length);
        into.put_i32(self.leader_epoch.0);
        into.put_i64(self.max_timestamp);
        into.put_i64(self.appended_ms);
        debug_assert!(self.producers.len() <= usize::from(u16::MAX));
        into.put_u16(u16::try_from(self.producers.len()).unwrap_or(u16::MAX));
        for run in self.producers.iter().take(usize::from(u16::MAX)) {
            into.put_i64(run.producer_id);
            into.put_i16(run.producer_epoch);
            into.put_i32(run.first_sequence);
            into.put_i32(run.last_sequence);
            into.put_u32(delta(self.base_offset, run.base_offset));
            into.put_u32(delta(self.base_offset, run.last_offset));
            into.put_i64(run.timestamp);
        }
        into.freeze()
    }

    /// Reads a stored row back.
    pub fn decode(key: &[u8], mut value: &[u8]) -> Result<(Partition, Extent), Malformed> {
        let malformed = |_| Malformed(NAME);
        let (partition, mut rest) = split_key(Tag::Extent, NAME, key)?;
        let last_offset = offset(NAME, &mut rest)?;
        expect_end(NAME, rest)?;
        let value = &mut value;
        expect_version(NAME, value, VERSION)?;
        let base_offset = offset(NAME, value)?;
        if base_offset > last_offset {
            return Err(Malformed(NAME));
        }
        let mut extent = Extent {
            base_offset,
            last_offset,
            object: Object::decode(NAME, value)?,
            position: value.try_get_u32().map_err(malformed)?,
            length: value.try_get_u32().map_err(malformed)?,
            leader_epoch: LeaderEpoch(value.try_get_i32().map_err(malformed)?),
            max_timestamp: value.try_get_i64().map_err(malformed)?,
            appended_ms: value.try_get_i64().map_err(malformed)?,
            producers: Vec::new(),
        };
        let runs = usize::from(value.try_get_u16().map_err(malformed)?);
        if value.len() != runs * Extent::RUN_LEN {
            return Err(Malformed(NAME));
        }
        extent.producers.reserve_exact(runs);
        for _ in 0..runs {
            extent.producers.push(ProducerRun {
                producer_id: value.try_get_i64().map_err(malformed)?,
                producer_epoch: value.try_get_i16().map_err(malformed)?,
                first_sequence: value.try_get_i32().map_err(malformed)?,
                last_sequence: value.try_get_i32().map_err(malformed)?,
                base_offset: base_offset.saturating_add(i64::from(value.try_get_u32().map_err(malformed)?)),
                last_offset: base_offset.saturating_add(i64::from(value.try_get_u32().map_err(malformed)?)),
                timestamp: value.try_get_i64().map_err(malformed)?,
            });
        }
        Ok((partition, extent))
    }
}

/// `offset` counted from `base`. An extent holds fewer than 2^32 records, since an object has fewer bytes.
fn delta(base: i64, offset: i64) -> u32 {
    u32::try_from(offset - base).unwrap_or(u32::MAX)
}
