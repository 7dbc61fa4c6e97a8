//! What a partition's commits need to know of its past, as of one commit.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Malformed, ProducerRun, Tag, expect_end, expect_version, offset, plain_key, split_key};
use crate::types::Partition;

const NAME: &str = "partition snapshot";
const VERSION: u8 = 1;

/// Next offset and idempotent producers of a partition, so that loading it reads only the extents behind.
///
/// Written in the commit that precedes an index flush; what came later is in the extents from `next_offset` on.
///
/// ```text
/// key    tag 2 | topic id 16 | partition u32
/// value  version u8 = 1 | next offset u64 | log bytes u64 | producers u32 | producers x [producer id i64 | epoch i16
///        | last appended ms i64 | batches u8 | batches x [first sequence i32 | last sequence i32
///        | base offset u64 | last offset u64 | timestamp i64]]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionSnapshot {
    /// Offset of the next record.
    pub next_offset: i64,
    /// Bytes of all extents before it that ever were, removed ones included ([`super::LogStart`] counts those).
    pub log_bytes: u64,
    /// Idempotent producers, by ascending id.
    pub producers: Vec<ProducerEntry>,
}

/// What is remembered of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerEntry {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// When its last batch was taken, in milliseconds since the Unix epoch; for its expiry.
    pub last_appended_ms: i64,
    /// Its last batches of this epoch, oldest first, five at most. All have the producer's id and epoch.
    pub batches: Vec<ProducerRun>,
}

impl PartitionSnapshot {
    const ENTRY_LEN: usize = 8 + 2 + 8 + 1;
    const BATCH_LEN: usize = 4 + 4 + 8 + 8 + 8;

    pub fn key(partition: Partition) -> Bytes {
        plain_key(Tag::Snapshot, partition)
    }

    /// Number of bytes that [`PartitionSnapshot::value`] gives.
    pub fn value_len(&self) -> usize {
        let batches: usize = self.producers.iter().map(|p| p.batches.len()).sum();
        1 + 8
            + 8
            + 4
            + self.producers.len() * PartitionSnapshot::ENTRY_LEN
            + batches * PartitionSnapshot::BATCH_LEN
    }

    pub fn value(&self) -> Bytes {
        let mut into = BytesMut::with_capacity(self.value_len());
        into.put_u8(VERSION);
        into.put_i64(self.next_offset);
        into.put_u64(self.log_bytes);
        into.put_u32(u32::try_from(self.producers.len()).unwrap_or(u32::MAX));
        for producer in &self.producers {
            into.put_i64(producer.producer_id);
            into.put_i16(producer.producer_epoch);
            into.put_i64(producer.last_appended_ms);
            into.put_u8(u8::try_from(producer.batches.len()).unwrap_or(u8::MAX));
            for batch in &producer.batches {
                into.put_i32(batch.first_sequence);
                into.put_i32(batch.last_sequence);
                into.put_i64(batch.base_offset);
                into.put_i64(batch.last_offset);
                into.put_i64(batch.timestamp);
            }
        }
        into.freeze()
    }

    pub fn decode(key: &[u8], mut value: &[u8]) -> Result<(Partition, PartitionSnapshot), Malformed> {
        let malformed = |_| Malformed(NAME);
        let (partition, rest) = split_key(Tag::Snapshot, NAME, key)?;
        expect_end(NAME, rest)?;
        let value = &mut value;
        expect_version(NAME, value, VERSION)?;
        let mut snapshot = PartitionSnapshot {
            next_offset: offset(NAME, value)?,
            log_bytes: value.try_get_u64().map_err(malformed)?,
            producers: Vec::new(),
        };
        let count = value.try_get_u32().map_err(malformed)? as usize;
        if count > value.len() / PartitionSnapshot::ENTRY_LEN {
            return Err(Malformed(NAME));
        }
        snapshot.producers.reserve_exact(count);
        for _ in 0..count {
            snapshot.producers.push(ProducerEntry::decode(value)?);
        }
        expect_end(NAME, value)?;
        Ok((partition, snapshot))
    }
}

impl ProducerEntry {
    fn decode(value: &mut &[u8]) -> Result<ProducerEntry, Malformed> {
        let malformed = |_| Malformed(NAME);
        let mut entry = ProducerEntry {
            producer_id: value.try_get_i64().map_err(malformed)?,
            producer_epoch: value.try_get_i16().map_err(malformed)?,
            last_appended_ms: value.try_get_i64().map_err(malformed)?,
            batches: Vec::new(),
        };
        let batches = usize::from(value.try_get_u8().map_err(malformed)?);
        if batches > value.len() / PartitionSnapshot::BATCH_LEN {
            return Err(Malformed(NAME));
        }
        entry.batches.reserve_exact(batches);
        for _ in 0..batches {
            entry.batches.push(ProducerRun {
                producer_id: entry.producer_id,
                producer_epoch: entry.producer_epoch,
                first_sequence: value.try_get_i32().map_err(malformed)?,
                last_sequence: value.try_get_i32().map_err(malformed)?,
                base_offset: offset(NAME, value)?,
                last_offset: offset(NAME, value)?,
                timestamp: value.try_get_i64().map_err(malformed)?,
            });
        }
        Ok(entry)
    }
}
