//! Offsets by time: the ends of a partition, the first record of a timestamp on, the record with the greatest one.

use std::sync::Arc;

use bytes::BytesMut;
use parking_lot::Mutex;
use thiserror::Error;

use crate::log::read::PartitionLog;
use crate::log::read::fetch::{self, Fetched, Isolation};
use crate::log::read::source::ReadError;
use crate::log::read::time_index::TimeIndex;
use crate::log::read::unfolding::{Spent, Work};
use crate::log::stored::keys::Extent;
use crate::protocol::batch::{Batch, HeaderError, Step, Walk, WalkError};
use crate::types::LeaderEpoch;

/// Bytes read at a time while looking for a record inside extents.
const READ_BYTES: usize = 1 << 20;
/// The sought offset: Kafka's special timestamps by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// -2, and -4: without tiers the earliest local offset is the earliest one (KIP-405).
    Earliest,
    /// -1: the high watermark, or the last stable offset.
    Latest,
    /// -3: the first record that has the greatest timestamp (KIP-734).
    MaxTimestamp,
    /// -5 and -6: the latest tiered offset (KIP-1005), the earliest one still to be tiered. There are no tiers.
    Tiered,
    /// The first record with a timestamp of at least this, in milliseconds.
    Timestamp(i64),
}

impl Lookup {
    /// The lookup that a request's timestamp stands for; none if it stands for nothing.
    pub fn from_timestamp(timestamp: i64) -> Option<Lookup> {
        match timestamp {
            -1 => Some(Lookup::Latest),
            -2 | -4 => Some(Lookup::Earliest),
            -3 => Some(Lookup::MaxTimestamp),
            -5 | -6 => Some(Lookup::Tiered),
            other if other >= 0 => Some(Lookup::Timestamp(other)),
            _ => None,
        }
    }
}

/// Why an offset cannot be found.
#[derive(Clone, Debug, Error)]
pub enum LookupError {
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The batch that should hold the record is not readable.
    #[error("stored batch is not readable: {0}")]
    Header(#[from] HeaderError),
    #[error("stored batch is not readable: {0}")]
    Records(#[from] WalkError),
}

/// An offset that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The timestamp of the record, in milliseconds; -1 for an end of the partition.
    pub timestamp: i64,
    pub offset: i64,
    /// The leader epoch of the record at the offset; of the owner, for the latest offset.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// Looks an offset up among what `isolation` lets a reader see. None if no record fits.
pub async fn lookup(
    log: &PartitionLog,
    lookup: Lookup,
    isolation: Isolation,
) -> Result<Option<Found>, LookupError> {
    let log_start = log.log_start();
    let end = match isolation {
        Isolation::ReadUncommitted => log.high_watermark(),
        Isolation::ReadCommitted => log.last_stable_offset(),
    };
    match lookup {
        Lookup::Earliest => {
            Ok(Some(Found { timestamp: -1, offset: log_start, leader_epoch: log.epoch_at(log_start) }))
        }
        Lookup::Latest => {
            Ok(Some(Found { timestamp: -1, offset: end, leader_epoch: Some(log.leader_epoch()) }))
        }
        Lookup::Tiered => Ok(None),
        Lookup::Timestamp(timestamp) => first_from(log, timestamp, end).await,
        Lookup::MaxTimestamp => latest_record(log, end).await,
    }
}

/// The first record that has the greatest timestamp.
async fn latest_record(log: &PartitionLog, end: i64) -> Result<Option<Found>, LookupError> {
    let Some(greatest) = index(log).await?.greatest() else { return Ok(None) };
    if let Some(found) = first_from(log, greatest, end).await? {
        return Ok(Some(found));
    }
    // It was in the first extent, below the log start: the rows do not tell what is left of that.
    match greatest_left(log).await? {
        Some(greatest) => first_from(log, greatest, end).await,
        None => Ok(None),
    }
}

/// The greatest timestamp of all records, by looking into the first extent.
async fn greatest_left(log: &PartitionLog) -> Result<Option<i64>, LookupError> {
    let (log_start, high_watermark) = (log.log_start(), log.high_watermark());
    let mut greatest = None;
    let mut spent = Spent::default();
    let mut from = log_start;
    if from < high_watermark
        && let Some(first) = next_extent(log, from, -1).await?
    {
        while from <= first.last_offset {
            let fetched = fetch::read(log, from, READ_BYTES, true, Isolation::ReadUncommitted).await?;
            for batch in batches(&fetched)? {
                let mut look = Look::new(&batch, log_start, |_| false);
                log.source().reads().unfolding().finish(&mut look, &mut spent).await?;
                greatest = greatest.max(look.greatest);
            }
            from = fetched.next_offset.max(from + 1);
        }
    }
    if from < high_watermark {
        let mut rows = log.source().scan(log.id(), from, high_watermark).await?;
        while let Some(row) = rows.next().await.map_err(|e| ReadError::Index(Arc::new(e)))? {
            let (_, extent) = Extent::decode(&row.key, &row.value).map_err(ReadError::from)?;
            greatest = greatest.max(Some(extent.max_timestamp));
        }
    }
    Ok(greatest)
}

/// The first record with a timestamp of at least `timestamp`.
async fn first_from(log: &PartitionLog, timestamp: i64, end: i64) -> Result<Option<Found>, LookupError> {
    let mut from = index(log).await?.first_candidate(timestamp).max(log.log_start());
    while from < end {
        let Some(extent) = next_extent(log, from, timestamp).await? else { return Ok(None) };
        let found = search(log, extent.base_offset.max(from), extent.last_offset + 1, timestamp, end).await?;
        if found.is_some() {
            return Ok(found);
        }
        from = extent.last_offset + 1;
    }
    Ok(None)
}

/// The first extent from the one of `from` on that may hold a record of `timestamp` or later.
async fn next_extent(log: &PartitionLog, from: i64, timestamp: i64) -> Result<Option<Extent>, ReadError> {
    let mut rows = log.source().scan(log.id(), from, log.high_watermark()).await?;
    while let Some(row) = rows.next().await.map_err(|e| ReadError::Index(Arc::new(e)))? {
        let (_, extent) = Extent::decode(&row.key, &row.value)?;
        if extent.max_timestamp >= timestamp {
            return Ok(Some(extent));
        }
    }
    Ok(None)
}

/// Searches the batches from `from` up to `to` for the first record of `timestamp` or later that lies below `end`.
async fn search(
    log: &PartitionLog,
    mut from: i64,
    to: i64,
    timestamp: i64,
    end: i64,
) -> Result<Option<Found>, LookupError> {
    let mut spent = Spent::default();
    while from < to.min(end) {
        let fetched = fetch::read(log, from, READ_BYTES, true, Isolation::ReadUncommitted).await?;
        if fetched.bytes == 0 {
            return Ok(None);
        }
        for batch in batches(&fetched)?.iter().filter(|batch| batch.header.max_timestamp >= timestamp) {
            let mut look = Look::new(batch, log.log_start(), |at| at >= timestamp);
            log.source().reads().unfolding().finish(&mut look, &mut spent).await?;
            if let Some((offset, timestamp)) = look.found {
                let leader_epoch = Some(LeaderEpoch(batch.header.partition_leader_epoch));
                return Ok(Some(Found { timestamp, offset, leader_epoch }).filter(|found| found.offset < end));
            }
        }
        from = fetched.next_offset;
    }
    Ok(None)
}

/// A look at the records of one batch from `log_start` on, up to the first one with a timestamp that is wanted.
struct Look<'a, F> {
    batch: &'a Batch,
    walk: Option<Walk>,
    log_start: i64,
    is_wanted: F,
    /// Offset and timestamp of the record that was wanted.
    found: Option<(i64, i64)>,
    greatest: Option<i64>,
}

impl<'a, F: Fn(i64) -> bool> Look<'a, F> {
    fn new(batch: &'a Batch, log_start: i64, is_wanted: F) -> Look<'a, F> {
        Look { batch, walk: None, log_start, is_wanted, found: None, greatest: None }
    }
}

impl<F: Fn(i64) -> bool> Work for Look<'_, F> {
    type Error = WalkError;

    fn memory(&self) -> usize {
        Walk::memory(&self.batch.header, &self.batch.payload)
    }

    fn advance(&mut self, allowance: &mut usize) -> Result<bool, WalkError> {
        let header = &self.batch.header;
        let walk = match &mut self.walk {
            Some(walk) => walk,
            none => none.insert(Walk::new(header, self.batch.payload.clone())?),
        };
        loop {
            match walk.next(allowance)? {
                Step::Pause => return Ok(false),
                Step::End => return Ok(true),
                Step::Record(record) if record.offset(header) >= self.log_start => {
                    let timestamp = record.timestamp(header);
                    self.greatest = self.greatest.max(Some(timestamp));
                    if (self.is_wanted)(timestamp) {
                        self.found = Some((record.offset(header), timestamp));
                        return Ok(true);
                    }
                }
                Step::Record(_) => {}
            }
        }
    }

    fn restart(&mut self) {
        self.walk = None;
    }
}

fn batches(fetched: &Fetched) -> Result<Vec<Batch>, HeaderError> {
    let mut joined = BytesMut::with_capacity(fetched.bytes);
    fetched.chunks.iter().for_each(|chunk| joined.extend_from_slice(chunk));
    let mut rest = joined.freeze();
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let batch = Batch::parse(&rest)?;
        rest = rest.slice(batch.len()..);
        batches.push(batch);
    }
    Ok(batches)
}

/// The index of the partition, brought up to the high watermark.
async fn index(log: &PartitionLog) -> Result<TimeIndex, ReadError> {
    let entry: Arc<Mutex<TimeIndex>> = log.source().reads().time_index(log.id());
    let (log_start, high_watermark) = (log.log_start(), log.high_watermark());
    let mut index = entry.lock().clone();
    if index.is_of_no_use(log_start) {
        index = TimeIndex::starting_at(log_start);
    }
    if index.next_offset >= high_watermark {
        return Ok(index);
    }
    let mut rows = log.source().scan(log.id(), index.next_offset, high_watermark).await?;
    while let Some(row) = rows.next().await.map_err(|e| ReadError::Index(Arc::new(e)))? {
        let (_, extent) = Extent::decode(&row.key, &row.value)?;
        index.add(&extent);
    }
    let mut known = entry.lock();
    if known.next_offset < index.next_offset || known.is_of_no_use(log_start) {
        known.clone_from(&index);
    }
    Ok(index)
}
