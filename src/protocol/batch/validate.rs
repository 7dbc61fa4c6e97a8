//! Validation of the bytes that a producer sends for one partition.
//!
//! Accepts and refuses what Kafka 4.4 does (`ProduceRequest.validateRecords`, `UnifiedLog.analyzeAndValidateRecords`,
//! `LogValidator`), with these differences:
//!
//! - Each record must fill its length. Kafka steps over the fields of compressed records without comparing, and no consumer
//!   can read what it takes then.
//! - Wrong offset deltas of uncompressed records make the batch be written anew, which Kafka does not; compressed ones
//!   are refused by both, by Kafka with UNKNOWN_SERVER_ERROR.
//! - Where a topic has CreateTime and a batch says LogAppendTime, Kafka looks at the batch's max timestamp alone. We also
//!   look at those of the records, which is what consumers will see.

use bytes::Bytes;

use super::Batch;
use super::compression::{Codec, Compression};
use super::header::{HEAD_LEN, Header, HeaderError, LENGTH_OVERHEAD, TimestampType};
use super::invalid::{Invalid, RejectReason, RejectedRecord};
use super::rewrite::Rewriting;
use super::walk::{RecordHead, Sink, Step, Walk};

/// Kafka's default of `max.decompressed.message.bytes`, which limits nothing.
const UNLIMITED_RECORD_BYTES: usize = 2_147_483_639;
/// Refused records that [`Invalid::Rejected`] holds at most.
const REJECTED_LIMIT: usize = 1_000;
/// Smallest length that any record format could have (Kafka: `LegacyRecord.RECORD_OVERHEAD_V0`).
const SMALLEST_LENGTH: i32 = 14;
/// Bytes up to and including the magic, which has the same place in all formats.
const UP_TO_MAGIC: usize = 17;

/// The depth to which a compressed batch is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Every record, as Kafka does.
    #[default]
    Full,
    /// The header, whose record count and max timestamp are taken as the producer's word; records only where the topic
    /// demands something of them: another codec, keys, a bound on old timestamps or on sizes; or where the header's own
    /// timestamps look out of bounds.
    Headers,
}

/// Rules of a topic and a request.
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
    /// Transactional batches may come in.
    pub transactions_allowed: bool,
    pub depth: Depth,
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
            depth: Depth::Full,
        }
    }
}

/// Checks `records`, what a produce request holds for one partition, and returns its one batch ready to be given an
/// offset. The batch shares the memory of `records` unless it had to be written anew.
///
/// # Errors
/// The first cause found, in Kafka's order of checks.
pub fn validate(records: &Bytes, rules: &Rules, now_ms: i64) -> Result<Batch, Invalid> {
    let mut validation = Validation::begin(records, rules, now_ms)?;
    while !validation.advance(&mut { usize::MAX })? {}
    validation.finish()
}

/// One batch under validation, which may take its time: what a batch unfolds to may be very much.
pub struct Validation<'a> {
    rules: &'a Rules,
    now_ms: i64,
    batch: Batch,
    codec: Codec,
    /// None if the header's word is taken for what is inside.
    inside: Option<Inside>,
}

/// The records under way.
struct Inside {
    walk: Walk,
    rewriting: Option<Rewriting>,
    seen: Seen,
    ended: bool,
}

/// Findings on the records so far.
struct Seen {
    max_timestamp: i64,
    offsets_in_order: bool,
    rejected: Vec<RejectedRecord>,
    rejected_total: usize,
}

impl<'a> Validation<'a> {
    /// Checks everything but the records.
    pub fn begin(records: &Bytes, rules: &'a Rules, now_ms: i64) -> Result<Validation<'a>, Invalid> {
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
        Ok(Validation { rules, now_ms, batch, codec, inside: None })
    }

    /// The memory that looking at the records takes, beside the batch itself.
    pub fn memory(&self) -> usize {
        Walk::memory(&self.batch.header, &self.batch.payload)
    }

    /// Looks at records until `allowance` is used up by what is unfolded, or none is left. True if they are done with.
    ///
    /// # Errors
    /// If what is inside is not what the header announces.
    pub fn advance(&mut self, allowance: &mut usize) -> Result<bool, Invalid> {
        if self.inside.is_none() {
            if self.codec != Codec::None
                && !must_open(&self.batch.header, self.codec, self.rules, self.now_ms)
            {
                return Ok(true);
            }
            self.inside = Some(self.open()?);
        }
        let Some(inside) = &mut self.inside else { return Ok(true) };
        if !inside.ended {
            let judge = Judge { header: &self.batch.header, rules: self.rules, now_ms: self.now_ms };
            match inside.rewriting.take() {
                Some(mut rewriting) => {
                    inside.walk_on(&judge, &mut rewriting, allowance)?;
                    inside.rewriting = Some(rewriting);
                }
                None => inside.walk_on(&judge, &mut (), allowance)?,
            }
        }
        Ok(inside.ended)
    }

    /// Forgets what was seen of the records, and gives the memory for it back.
    pub fn restart(&mut self) {
        self.inside = None;
    }

    fn open(&self) -> Result<Inside, Invalid> {
        let limit = if self.codec == Codec::None { usize::MAX } else { self.rules.max_record_bytes };
        let header = &self.batch.header;
        let target = self.rules.compression.filter(|target| target.codec != self.codec);
        let rewriting =
            target.map(|target| Rewriting::new(header, target, self.rules.max_batch_bytes)).transpose()?;
        Ok(Inside {
            walk: Walk::new(header, self.batch.payload.clone())?.limited(limit),
            rewriting,
            seen: Seen { max_timestamp: -1, offsets_in_order: true, rejected: Vec::new(), rejected_total: 0 },
            ended: false,
        })
    }

    /// The batch as it is to be stored.
    ///
    /// # Errors
    /// If records are refused, or the batch must be written anew and cannot be.
    pub fn finish(self) -> Result<Batch, Invalid> {
        let Validation { rules, now_ms, mut batch, codec, inside } = self;
        let kind = rules.timestamp_type;
        let Some(inside) = inside else {
            let header = &mut batch.header;
            let max_timestamp =
                if kind == TimestampType::LogAppendTime { now_ms } else { header.max_timestamp };
            return Ok(stamp(batch, kind, max_timestamp));
        };
        let Inside { rewriting, seen, .. } = inside;
        if seen.rejected_total > 0 {
            return Err(Invalid::Rejected { records: seen.rejected, total: seen.rejected_total });
        }
        let max_timestamp = if kind == TimestampType::LogAppendTime { now_ms } else { seen.max_timestamp };
        if let Some(rewriting) = rewriting {
            return rewriting.finish(kind, max_timestamp);
        }
        match (seen.offsets_in_order, codec) {
            (true, _) => Ok(stamp(batch, kind, max_timestamp)),
            (false, Codec::None) => number_anew(&batch, rules)?.finish(kind, max_timestamp),
            (false, _) => Err(Invalid::Offsets),
        }
    }
}

impl Inside {
    fn walk_on<S: Sink>(
        &mut self,
        judge: &Judge<'_>,
        sink: &mut S,
        allowance: &mut usize,
    ) -> Result<(), Invalid> {
        let Inside { walk, seen, ended, .. } = self;
        loop {
            walk.over_whole(sink, |record| seen.see(record, judge));
            match walk.next_into(sink, allowance)? {
                Step::Record(record) => seen.see(&record, judge),
                Step::Pause => return Ok(()),
                Step::End => {
                    *ended = true;
                    return Ok(());
                }
            }
        }
    }
}

impl Seen {
    #[inline(always)]
    fn see(&mut self, record: &RecordHead, judge: &Judge<'_>) {
        let timestamp = judge.header.base_timestamp.wrapping_add(record.timestamp_delta);
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.offsets_in_order &= record.offset_delta == record.index;
        if let Some(reason) = judge.reject(timestamp, record.has_key) {
            self.rejected_total += 1;
            if self.rejected.len() < REJECTED_LIMIT {
                self.rejected.push(RejectedRecord { index: record.index, reason });
            }
        }
    }
}

/// The records of an uncompressed batch with offsets in order.
fn number_anew(batch: &Batch, rules: &Rules) -> Result<Rewriting, Invalid> {
    let mut rewriting = Rewriting::new(&batch.header, Compression::default(), rules.max_batch_bytes)?;
    let mut walk = Walk::new(&batch.header, batch.payload.clone())?;
    while walk.next_into(&mut rewriting, &mut { usize::MAX })? != Step::End {}
    Ok(rewriting)
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
    Ok(())
}

/// True if the answer depends on what is inside a compressed payload.
fn must_open(header: &Header, codec: Codec, rules: &Rules, now_ms: i64) -> bool {
    let converts = rules.compression.is_some_and(|target| target.codec != codec);
    let limits_records = rules.max_record_bytes < UNLIMITED_RECORD_BYTES;
    let claims_append_time = header.timestamp_type() == TimestampType::LogAppendTime;
    let checks_time = claims_append_time
        || rules.timestamp_type == TimestampType::CreateTime
            && (rules.timestamp_before_max_ms < i64::MAX
                || header.max_timestamp < header.base_timestamp
                || [header.base_timestamp, header.max_timestamp]
                    .iter()
                    .any(|&t| out_of_bounds(t, rules, now_ms)));
    rules.depth == Depth::Full || converts || limits_records || checks_time || rules.compacted
}

fn out_of_bounds(timestamp: i64, rules: &Rules, now_ms: i64) -> bool {
    if timestamp == -1 {
        return false;
    }
    // As in Kafka, so early a time that its age overflows is taken for a late one.
    let age = now_ms.wrapping_sub(timestamp);
    age > rules.timestamp_before_max_ms || age < rules.timestamp_after_max_ms.wrapping_neg()
}

/// Rules that records are judged by.
struct Judge<'a> {
    header: &'a Header,
    rules: &'a Rules,
    now_ms: i64,
}

impl Judge<'_> {
    /// The reason to refuse a record.
    #[inline]
    fn reject(&self, timestamp: i64, has_key: bool) -> Option<RejectReason> {
        let Judge { header, rules, now_ms } = *self;
        if rules.compacted && !has_key {
            return Some(RejectReason::NoKey);
        }
        let claims_append_time = header.timestamp_type() == TimestampType::LogAppendTime;
        if claims_append_time
            && (rules.timestamp_type == TimestampType::LogAppendTime || header.max_timestamp == -1)
        {
            return Some(RejectReason::TimestampType);
        }
        if rules.timestamp_type == TimestampType::LogAppendTime {
            return None;
        }
        let claimed = Some(header.max_timestamp).filter(|_| claims_append_time);
        let outside = |timestamp: &i64| out_of_bounds(*timestamp, rules, now_ms);
        let timestamp = claimed.filter(outside).or(Some(timestamp).filter(outside))?;
        Some(RejectReason::Timestamp {
            timestamp,
            earliest: now_ms.saturating_sub(rules.timestamp_before_max_ms),
            latest: now_ms.saturating_add(rules.timestamp_after_max_ms),
        })
    }
}

/// Puts the topic's timestamp type and the max timestamp into the header where they differ.
fn stamp(mut batch: Batch, kind: TimestampType, max_timestamp: i64) -> Batch {
    let header = &mut batch.header;
    if header.timestamp_type() != kind || header.max_timestamp != max_timestamp {
        header.set_timestamp_type(kind);
        header.max_timestamp = max_timestamp;
        header.seal(&batch.payload);
    }
    batch
}
