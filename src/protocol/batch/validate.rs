//! Validation of the bytes that a producer sends for one partition.
//!
//! Accepts and refuses what Kafka 4.4 does (`ProduceRequest.validateRecords`, `UnifiedLog.analyzeAndValidateRecords`,
//! `LogValidator`), with these differences:
//!
//! - A compressed payload is opened only where its content decides: a codec to convert to, keys that must exist, a
//!   bound on old timestamps, or a header whose timestamps look out of bounds. Otherwise the header's record count and
//!   max timestamp are taken as the producer's word; they are under the checksum.
//! - Records of an uncompressed payload are always walked, as in Kafka, but wrong offset deltas make the batch be
//!   written anew, which Kafka does for compressed ones only.
//!
//!   Walking costs 14-22 ns per record, a quarter of the checksum for records of 1 KiB (0.05 CPU s per GB in all, 0.24
//!   for records of 100 bytes); opening costs 0.8 CPU s per GB with lz4 and 1.6 with zstd. One core, batches of 64 KiB.
//! - The timestamp type LogAppendTime is refused on every topic; Kafka lets it pass on topics with CreateTime if the
//!   batch's max timestamp is within bounds.

use bytes::Bytes;

use super::compression::{Codec, Compression, MAX_DECOMPRESSED_BYTES};
use super::header::{HEAD_LEN, Header, HeaderError, LENGTH_OVERHEAD, TimestampType};
use super::invalid::{Invalid, RejectReason, RejectedRecord};
use super::records::Records;
use super::{Batch, Builder};

/// Kafka's default of `max.decompressed.message.bytes`, which limits nothing.
const UNLIMITED_RECORD_BYTES: usize = 2_147_483_639;
/// Refused records that [`Invalid::Rejected`] holds at most.
const REJECTED_LIMIT: usize = 1_000;
/// Smallest length that any record format could have (Kafka: `LegacyRecord.RECORD_OVERHEAD_V0`).
const SMALLEST_LENGTH: i32 = 14;
/// Bytes up to and including the magic, which has the same place in all formats.
const UP_TO_MAGIC: usize = 17;

/// What a topic and a request allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `max.message.bytes`: of a whole batch.
    pub max_batch_bytes: usize,
    /// `max.decompressed.message.bytes`: of one record, checked where the payload is decompressed.
    pub max_record_bytes: usize,
    /// `message.timestamp.type`
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`
    pub timestamp_after_max_ms: i64,
    /// `cleanup.policy` contains `compact`: every record needs a key.
    pub compacted: bool,
    /// `compression.type`; none is `producer`.
    pub compression: Option<Compression>,
    /// Zstandard is known to the request's version (Produce 7 and above).
    pub zstd_allowed: bool,
    /// Whether transactional batches may come in.
    pub transactions_allowed: bool,
}

impl Default for Rules {
    /// Kafka's defaults for a topic.
    fn default() -> Rules {
        Rules {
            max_batch_bytes: 1_048_588,
            max_record_bytes: UNLIMITED_RECORD_BYTES,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            compacted: false,
            compression: None,
            zstd_allowed: true,
            transactions_allowed: false,
        }
    }
}

/// Checks `records`, what a produce request holds for one partition, and returns its one batch ready to be given an
/// offset. The batch shares the memory of `records` unless it had to be written anew.
///
/// # Errors
/// The first cause found, in Kafka's order of checks.
pub fn validate(records: &Bytes, rules: &Rules, now_ms: i64) -> Result<Batch, Invalid> {
    let whole = first_batch(records)?;
    // These two come before the rest of the header is known to be there.
    if Codec::of_head(&whole) == Some(Codec::Zstd) && !rules.zstd_allowed {
        return Err(Invalid::CodecNotAllowed(Codec::Zstd));
    }
    // A fragment that could only be a cut batch is ignored, as in Kafka.
    if next_length(&records[whole.len()..])?.is_some() {
        return Err(Invalid::MoreThanOneBatch);
    }
    let base_offset = whole.first_chunk().map_or(0, |first| i64::from_be_bytes(*first));
    if base_offset != 0 {
        return Err(Invalid::BaseOffset(base_offset));
    }
    check_size(whole.len(), rules)?;
    let header = Header::parse(&whole)?;
    header.verify(&whole)?;
    let codec = header.codec()?;
    check_header(&header, rules)?;
    let batch = Batch { header, payload: whole.slice(HEAD_LEN..) };
    if codec != Codec::None && !must_open(&batch.header, codec, rules, now_ms) {
        return Ok(stamp(batch, rules, now_ms, None));
    }
    let payload = batch.decompress(MAX_DECOMPRESSED_BYTES)?;
    let seen = inspect(&batch.header, codec, &payload, rules, now_ms)?;
    let target = rules.compression.unwrap_or(Compression::new(codec));
    if target.codec == codec && seen.offsets_in_order {
        return Ok(stamp(batch, rules, now_ms, Some(seen.max_timestamp)));
    }
    rewrite(&batch.header, &payload, target, rules, now_ms)
}

/// The bytes of the first batch.
fn first_batch(records: &Bytes) -> Result<Bytes, Invalid> {
    let Some(length) = next_length(records)? else { return Err(Invalid::NoBatch) };
    let magic = records[UP_TO_MAGIC - 1] as i8;
    if magic != 2 {
        return Err(Invalid::OldMagic(magic));
    }
    Ok(records.slice(..length))
}

/// Length of the batch at the start of `bytes`; none if it is not whole (Kafka: `ByteBufferLogInputStream`).
fn next_length(bytes: &[u8]) -> Result<Option<usize>, HeaderError> {
    let Some(length) = bytes.get(8..LENGTH_OVERHEAD).and_then(|b| b.try_into().ok()) else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(length);
    if length < SMALLEST_LENGTH {
        return Err(HeaderError::Length(length));
    }
    let Some(&magic) = bytes.get(UP_TO_MAGIC - 1) else { return Ok(None) };
    if magic > 2 {
        return Err(HeaderError::Magic(magic as i8));
    }
    let whole = LENGTH_OVERHEAD + length as usize;
    Ok((whole <= bytes.len()).then_some(whole))
}

fn check_size(bytes: usize, rules: &Rules) -> Result<(), Invalid> {
    if bytes <= rules.max_batch_bytes {
        return Ok(());
    }
    Err(Invalid::TooLarge { bytes, limit: rules.max_batch_bytes })
}

fn check_header(header: &Header, rules: &Rules) -> Result<(), Invalid> {
    let (count, last_offset_delta) = (header.records_count, header.last_offset_delta);
    if count <= 0 || i64::from(last_offset_delta) + 1 != i64::from(count) {
        return Err(Invalid::Count { count, last_offset_delta });
    }
    if header.is_control() {
        return Err(Invalid::Control);
    }
    if header.is_idempotent() && header.base_sequence < 0 {
        return Err(Invalid::Sequence { producer_id: header.producer_id, sequence: header.base_sequence });
    }
    if header.is_transactional() && !rules.transactions_allowed {
        return Err(Invalid::Transactional);
    }
    if header.timestamp_type() == TimestampType::LogAppendTime {
        return Err(Invalid::TimestampType);
    }
    Ok(())
}

/// Whether the answer depends on what is inside a compressed payload.
fn must_open(header: &Header, codec: Codec, rules: &Rules, now_ms: i64) -> bool {
    let converts = rules.compression.is_some_and(|target| target.codec != codec);
    let limits_records = rules.max_record_bytes < UNLIMITED_RECORD_BYTES;
    let checks_time = rules.timestamp_type == TimestampType::CreateTime
        && (rules.timestamp_before_max_ms < i64::MAX
            || header.max_timestamp < header.base_timestamp
            || [header.base_timestamp, header.max_timestamp]
                .iter()
                .any(|&t| out_of_bounds(t, rules, now_ms)));
    converts || limits_records || checks_time || rules.compacted
}

fn out_of_bounds(timestamp: i64, rules: &Rules, now_ms: i64) -> bool {
    if timestamp == -1 {
        return false;
    }
    let age = now_ms.saturating_sub(timestamp);
    age > rules.timestamp_before_max_ms || age.saturating_neg() > rules.timestamp_after_max_ms
}

/// What a walk over the records found.
struct Seen {
    max_timestamp: i64,
    offsets_in_order: bool,
}

fn inspect(
    header: &Header,
    codec: Codec,
    payload: &[u8],
    rules: &Rules,
    now_ms: i64,
) -> Result<Seen, Invalid> {
    let mut seen = Seen { max_timestamp: -1, offsets_in_order: true };
    let mut rejected = Vec::new();
    let mut total = 0;
    let limit = if codec == Codec::None { usize::MAX } else { rules.max_record_bytes };
    for (index, record) in (0..).zip(Records::new(header, payload).limited(limit)) {
        let record = record?;
        let timestamp = record.timestamp(header);
        seen.max_timestamp = seen.max_timestamp.max(timestamp);
        seen.offsets_in_order &= record.offset_delta == index;
        if let Some(reason) = reject(timestamp, record.key.is_some(), rules, now_ms) {
            total += 1;
            if rejected.len() < REJECTED_LIMIT {
                rejected.push(RejectedRecord { index, reason });
            }
        }
    }
    if total > 0 {
        return Err(Invalid::Rejected { records: rejected, total });
    }
    Ok(seen)
}

fn reject(timestamp: i64, has_key: bool, rules: &Rules, now_ms: i64) -> Option<RejectReason> {
    if rules.compacted && !has_key {
        return Some(RejectReason::NoKey);
    }
    if rules.timestamp_type == TimestampType::CreateTime && out_of_bounds(timestamp, rules, now_ms) {
        return Some(RejectReason::Timestamp {
            timestamp,
            earliest: now_ms.saturating_sub(rules.timestamp_before_max_ms),
            latest: now_ms.saturating_add(rules.timestamp_after_max_ms),
        });
    }
    None
}

/// Puts the topic's timestamp type, and the max timestamp that was found, into the header where they differ.
fn stamp(mut batch: Batch, rules: &Rules, now_ms: i64, found: Option<i64>) -> Batch {
    let header = &mut batch.header;
    let max_timestamp = match rules.timestamp_type {
        TimestampType::LogAppendTime => now_ms,
        TimestampType::CreateTime => found.unwrap_or(header.max_timestamp),
    };
    if header.timestamp_type() != rules.timestamp_type || header.max_timestamp != max_timestamp {
        header.set_timestamp_type(rules.timestamp_type);
        header.max_timestamp = max_timestamp;
        header.seal(&batch.payload);
    }
    batch
}

/// The same records with offsets in order and another codec.
fn rewrite(
    header: &Header,
    payload: &[u8],
    target: Compression,
    rules: &Rules,
    now_ms: i64,
) -> Result<Batch, Invalid> {
    let mut builder = Builder::new()
        .producer(header.producer_id, header.producer_epoch, header.base_sequence)
        .compression(target);
    if header.is_transactional() {
        builder = builder.transactional();
    }
    if rules.timestamp_type == TimestampType::LogAppendTime {
        builder = builder.log_append_time(now_ms);
    }
    for record in Records::new(header, payload) {
        let record = record?;
        builder.copy(&record, record.timestamp(header));
    }
    let batch = builder.build().map_err(|_| Invalid::CodecNotAllowed(target.codec))?;
    check_size(batch.len(), rules)?;
    Ok(batch)
}
