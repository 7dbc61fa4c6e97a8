//! The fixed part of a batch: 61 bytes, big-endian.

use bytes::Bytes;
use thiserror::Error;

use super::compression::{Codec, DecompressError};
use crate::crc32c;

/// Bytes of a batch before its records.
pub const HEAD_LEN: usize = 61;
/// Bytes before those that the length field counts: base offset and the length itself.
pub const LENGTH_OVERHEAD: usize = 12;

/// The checksum covers everything from the attributes on.
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const MAGIC: u8 = 2;

const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// The meaning of the timestamps of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// Each record carries the producer's.
    #[default]
    CreateTime,
    /// All records have the header's max timestamp, set by the broker.
    LogAppendTime,
}

/// Bytes are no batch of magic 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    #[error("batch is cut short")]
    Truncated,
    #[error("batch length {0} is impossible")]
    Length(i32),
    #[error("batch has magic {0}")]
    Magic(i8),
    #[error("batch checksum is {computed:08x} and should be {stored:08x}")]
    Checksum { stored: u32, computed: u32 },
}

/// The fields of a batch header in their order, without the magic, which is always 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub base_offset: i64,
    /// Bytes after this field, that is the batch's length without [`LENGTH_OVERHEAD`].
    pub batch_length: i32,
    pub partition_leader_epoch: i32,
    pub crc: u32,
    /// Bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon.
    pub attributes: i16,
    pub last_offset_delta: i32,
    /// Timestamp of the first record, or the delete horizon, in milliseconds.
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    /// -1 without idempotence.
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records_count: i32,
}

fn array<const N: usize>(bytes: &[u8; HEAD_LEN], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

impl Header {
    /// Reads the header at the start of `bytes`. Neither the checksum nor the rest of the batch is looked at.
    pub fn parse(bytes: &[u8]) -> Result<Header, HeaderError> {
        let head: &[u8; HEAD_LEN] =
            bytes.get(..HEAD_LEN).and_then(|b| b.try_into().ok()).ok_or(HeaderError::Truncated)?;
        if head[16] != MAGIC {
            return Err(HeaderError::Magic(head[16] as i8));
        }
        let batch_length = i32::from_be_bytes(array(head, 8));
        if batch_length < (HEAD_LEN - LENGTH_OVERHEAD) as i32 {
            return Err(HeaderError::Length(batch_length));
        }
        Ok(Header {
            base_offset: i64::from_be_bytes(array(head, 0)),
            batch_length,
            partition_leader_epoch: i32::from_be_bytes(array(head, 12)),
            crc: u32::from_be_bytes(array(head, CRC_AT)),
            attributes: i16::from_be_bytes(array(head, ATTRIBUTES_AT)),
            last_offset_delta: i32::from_be_bytes(array(head, 23)),
            base_timestamp: i64::from_be_bytes(array(head, 27)),
            max_timestamp: i64::from_be_bytes(array(head, 35)),
            producer_id: i64::from_be_bytes(array(head, 43)),
            producer_epoch: i16::from_be_bytes(array(head, 51)),
            base_sequence: i32::from_be_bytes(array(head, 53)),
            records_count: i32::from_be_bytes(array(head, 57)),
        })
    }

    /// The bytes that [`Header::parse`] reads.
    pub fn encode(&self) -> [u8; HEAD_LEN] {
        let mut head = [0; HEAD_LEN];
        head[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        head[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        head[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        head[16] = MAGIC;
        head[17..21].copy_from_slice(&self.crc.to_be_bytes());
        head[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        head[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        head[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        head[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        head[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        head[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        head[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        head[57..61].copy_from_slice(&self.records_count.to_be_bytes());
        head
    }

    /// Compares the checksum with that of `whole`, the batch from its first to its last byte.
    pub fn verify(&self, whole: &[u8]) -> Result<(), HeaderError> {
        let computed = crc32c::checksum(whole.get(ATTRIBUTES_AT..).unwrap_or_default());
        if computed == self.crc {
            return Ok(());
        }
        Err(HeaderError::Checksum { stored: self.crc, computed })
    }

    /// As [`Header::verify`], for a batch that lies in pieces.
    pub fn verify_pieces(&self, whole: impl Iterator<Item = Bytes>) -> Result<(), HeaderError> {
        let mut skip = ATTRIBUTES_AT;
        let computed = whole.fold(0, |crc, piece| {
            let covered = piece.get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(piece.len());
            crc32c::append(crc, covered)
        });
        if computed == self.crc {
            return Ok(());
        }
        Err(HeaderError::Checksum { stored: self.crc, computed })
    }

    /// Sets length and checksum for `payload` after fields were changed.
    pub(super) fn seal(&mut self, payload: &[u8]) {
        self.batch_length = i32::try_from(HEAD_LEN - LENGTH_OVERHEAD + payload.len()).unwrap_or(i32::MAX);
        let covered = crc32c::checksum(&self.encode()[ATTRIBUTES_AT..]);
        self.crc = crc32c::append(covered, payload);
    }

    /// Length of the whole batch in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a batch has at least its header")]
    pub fn len(&self) -> usize {
        LENGTH_OVERHEAD + self.batch_length.max(0) as usize
    }

    /// # Errors
    /// If the attributes name a codec that does not exist.
    pub fn codec(&self) -> Result<Codec, DecompressError> {
        Codec::from_id(self.attributes & CODEC_MASK)
    }

    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & LOG_APPEND_TIME == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// The timestamp of a record with this delta, in milliseconds.
    pub(super) fn timestamp(&self, delta: i64) -> i64 {
        match self.timestamp_type() {
            TimestampType::CreateTime => self.base_timestamp.wrapping_add(delta),
            TimestampType::LogAppendTime => self.max_timestamp,
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// True if the batch takes part in duplicate detection.
    pub fn is_idempotent(&self) -> bool {
        self.producer_id >= 0
    }

    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Sequence of the last record; -1 without sequences.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 { -1 } else { next_sequence(self.base_sequence, self.last_offset_delta) }
    }

    /// Clears the flags that mean nothing in what a producer sends.
    pub(super) fn clear_unknown(&mut self) {
        self.attributes &= CODEC_MASK | LOG_APPEND_TIME | TRANSACTIONAL | CONTROL;
    }

    pub(super) fn set_codec(&mut self, codec: Codec) {
        self.attributes = (self.attributes & !CODEC_MASK) | codec.id();
    }

    pub(super) fn set_timestamp_type(&mut self, kind: TimestampType) {
        match kind {
            TimestampType::CreateTime => self.attributes &= !LOG_APPEND_TIME,
            TimestampType::LogAppendTime => self.attributes |= LOG_APPEND_TIME,
        }
    }

    pub(super) fn set_transactional(&mut self) {
        self.attributes |= TRANSACTIONAL;
    }

    pub(super) fn set_control(&mut self) {
        self.attributes |= CONTROL;
    }
}

/// The sequence `increment` after `sequence`: 0 comes after `i32::MAX` (Kafka: `DefaultRecordBatch.incrementSequence`).
pub fn next_sequence(sequence: i32, increment: i32) -> i32 {
    sequence.wrapping_add(increment) & i32::MAX
}
