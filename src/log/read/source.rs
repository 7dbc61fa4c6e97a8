//! Reading stored batches: extent rows from the index, blocks of objects from the cache or the store.

use std::ops::Range;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use prometheus::IntCounter;
use slatedb::Db;
use slatedb::config::ScanOptions;
use thiserror::Error;

use crate::log::read::block_cache::{ObjectRef, ReadObjectError, Span};
use crate::log::read::shared::{Position, Reads};
use crate::log::read::tail_cache::Run;
use crate::log::stored::damage::Damage;
use crate::log::stored::error::NotOpen;
use crate::log::stored::keys::{Extent, Lost, RowError};
use crate::log::stored::paths::ShardPaths;
use crate::protocol::batch::HEAD_LEN;
use crate::types::{Partition, ShardId};

use super::walk::{Choice, Slice, Walk, Window, parse};

/// Bytes of the index asked for at once: some hundred extent rows.
const INDEX_READ_AHEAD_BYTES: usize = 64 * 1024;
/// Most extents that one read takes from the index.
const MOST_EXTENTS: usize = 4_096;
/// Most separate places in objects that one read goes to; it is a short read then.
const MOST_RANGES: usize = 64;
/// The number of them that are read at once.
const PARALLEL_RANGES: usize = 16;

/// Why records cannot be read.
#[derive(Clone, Debug, Error)]
pub enum ReadError {
    /// The offset is below the log start or above the high watermark.
    #[error("the offset is not in [{log_start}, {high_watermark}]")]
    OffsetOutOfRange { log_start: i64, high_watermark: i64 },
    /// The incarnation that the partition belonged to is over. Try again, elsewhere perhaps.
    #[error(transparent)]
    NotOpen(#[from] NotOpen),
    /// A stored batch is not what was written. Logged where it is found, once.
    #[error("batch at {at} of {object} is corrupt: {reason}")]
    Corrupt { object: String, at: u64, reason: String },
    /// The index has no extent where records must be.
    #[error("no extent holds offset {offset}")]
    Gap { offset: i64 },
    /// The store failed, or misses an object.
    #[error(transparent)]
    Object(#[from] ReadObjectError),
    /// The index could not be read; retriable.
    #[error("reading the index failed: {0}")]
    Index(Arc<slatedb::Error>),
    /// The index holds something that it should not.
    #[error(transparent)]
    Malformed(#[from] RowError),
}

/// The durable batches of one shard in one incarnation. Cheap to clone.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    shard: ShardId,
    index: Arc<Db>,
    paths: ShardPaths,
    reads: Reads,
    fetched_bytes: IntCounter,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.0.shard).finish()
    }
}

/// A part of one object that holds consecutive batches.
#[derive(Clone, Debug)]
struct Stretch {
    object: ObjectRef,
    /// Bytes that are known to be wanted.
    range: Range<u64>,
    /// The end of the extents: reading on up to here stays inside.
    end: u64,
    /// The first offset of its first batch, which no checksum of a batch covers. `None` if that batch holds the wanted offset.
    base_offset: Option<i64>,
}

impl Source {
    pub fn new(
        shard: ShardId,
        index: Arc<Db>,
        paths: ShardPaths,
        reads: Reads,
        fetched: IntCounter,
    ) -> Source {
        Source(Arc::new(Inner { shard, index, paths, reads, fetched_bytes: fetched }))
    }

    /// Counts bytes that were read for a client, wherever they came from.
    pub(in crate::log) fn count_fetched(&self, bytes: u64) {
        self.0.fetched_bytes.inc_by(bytes);
    }

    /// The share of all shards.
    pub fn reads(&self) -> &Reads {
        &self.0.reads
    }

    /// Extents that hold offsets from `offset` on, in order, until they have `want_bytes` together.
    pub async fn extents(
        &self,
        partition: Partition,
        offset: i64,
        high_watermark: i64,
        want_bytes: u64,
    ) -> Result<Vec<Extent>, ReadError> {
        let mut extents: Vec<Extent> = Vec::new();
        let mut bytes = 0;
        let mut rows = self.scan(partition, offset, high_watermark).await?;
        while extents.is_empty() || (bytes < want_bytes && extents.len() < MOST_EXTENTS) {
            let row = rows.next().await.map_err(|e| ReadError::Index(Arc::new(e)))?;
            let Some(row) = row else { break };
            let (_, extent) = Extent::decode(&row.key, &row.value)?;
            bytes += u64::from(extent.length);
            extents.push(extent);
        }
        Ok(extents)
    }

    /// The rows of all durable extents that hold `offset` or come after it.
    pub(in crate::log) async fn scan(
        &self,
        partition: Partition,
        offset: i64,
        high_watermark: i64,
    ) -> Result<slatedb::DbIterator, ReadError> {
        // Rows may be there that are not durable: the bound keeps them out. A commit is durable as a whole, so that no
        // extent reaches across the high watermark. The index takes no empty range.
        debug_assert!(offset < high_watermark, "nothing lies between {offset} and {high_watermark}");
        let range = Extent::key(partition, offset)..Extent::key(partition, high_watermark);
        let options =
            ScanOptions::default().with_read_ahead_bytes(INDEX_READ_AHEAD_BYTES).with_cache_blocks(true);
        self.0.index.scan_with_options(range, &options).await.map_err(|e| ReadError::Index(Arc::new(e)))
    }

    /// Whole batches that `slice` describes.
    pub(in crate::log) async fn read(&self, partition: Partition, slice: Slice) -> Result<Run, ReadError> {
        let Slice { offset, high_watermark, max_bytes, .. } = slice;
        let reads = &self.0.reads;
        let known = reads.position(partition, offset);
        let ahead = known.as_ref().map_or(0, |known| reads.next_read_ahead(known.ahead_bytes));
        let extents = self.extents(partition, offset, high_watermark, max_bytes as u64 + ahead).await?;
        if extents.is_empty() {
            return self.pass_lost(partition, slice).await;
        }
        let stretches = self.stretches(&extents, known.as_ref());
        let spans = self.load(&stretches, max_bytes as u64).await?;
        let mut walk = Walk::new(slice);
        let mut stopped_at = None;
        for (index, stretch) in stretches.iter().enumerate() {
            let span = spans.get(index).cloned();
            // Without the first one there would be no progress; the others are for another time.
            let Some(span) = span else { break };
            match self.walk(&mut walk, stretch, span).await {
                Ok(None) => {}
                Ok(Some(at)) => {
                    stopped_at = Some((index, at));
                    break;
                }
                // The bytes before are given; the read that begins here gets the error.
                Err(_) if walk.run.bytes > 0 => {
                    stopped_at = None;
                    break;
                }
                Err(error) => return Err(error),
            }
            stopped_at = stretches.get(index + 1).map(|next| (index + 1, next.range.start));
        }
        if walk.run.bytes == 0 && !walk.run.stopped_by_size {
            return self.pass_lost(partition, slice).await;
        }
        let position = stopped_at.map(|(index, at)| (stretches[index].object.object, at));
        reads.remember(partition, walk.run.next_offset, Position { place: position, ahead_bytes: ahead });
        if let (Some((index, at)), true) = (stopped_at, ahead > 0) {
            self.read_ahead(&stretches[index..], at, ahead);
        }
        Ok(walk.run)
    }

    /// Passes over offsets that were given up. Any others must be there.
    async fn pass_lost(&self, partition: Partition, slice: Slice) -> Result<Run, ReadError> {
        let Slice { offset, high_watermark, end, .. } = slice;
        let range = Lost::key(partition, offset)..Lost::key(partition, high_watermark);
        let rows = self.0.index.scan(range).await;
        let mut rows = rows.map_err(|error| ReadError::Index(Arc::new(error)))?;
        let row = rows.next().await.map_err(|error| ReadError::Index(Arc::new(error)))?;
        let lost = row.map(|row| Lost::decode(&row.key, &row.value)).transpose()?;
        match lost.filter(|(_, lost)| lost.first <= offset) {
            Some((_, lost)) => Ok(Run { next_offset: end.min(lost.last + 1), ..Run::default() }),
            None => Err(ReadError::Gap { offset }),
        }
    }

    /// Joins extents that lie side by side. The first begins where an earlier read ended, if that is known.
    fn stretches(&self, extents: &[Extent], known: Option<&Position>) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for extent in extents {
            let start = u64::from(extent.position);
            let end = start + u64::from(extent.length);
            match stretches.last_mut() {
                Some(last) if last.object.object == extent.object && last.end == start => {
                    last.range.end = end;
                    last.end = end;
                }
                _ => {
                    let path = self.0.paths.object(extent.object);
                    let object = ObjectRef { shard: self.0.shard, object: extent.object, path };
                    let base_offset = Some(extent.base_offset);
                    stretches.push(Stretch { object, range: start..end, end, base_offset });
                }
            }
        }
        if let (Some(first), Some((object, at))) = (stretches.first_mut(), known.and_then(|k| k.place))
            && first.object.object == object
            && first.range.contains(&at)
        {
            first.range.start = at;
            let begins_there = |extent: &&Extent| extent.object == object && u64::from(extent.position) == at;
            first.base_offset = extents.iter().find(begins_there).map(|extent| extent.base_offset);
        }
        stretches
    }

    /// The bytes of the first stretches, `max_bytes` together and at least a header, read in parallel.
    async fn load(&self, stretches: &[Stretch], max_bytes: u64) -> Result<Vec<Span>, ReadError> {
        let mut left = max_bytes.max(HEAD_LEN as u64);
        let mut wanted = Vec::new();
        for stretch in stretches.iter().take(MOST_RANGES) {
            if left == 0 {
                break;
            }
            let bytes = (stretch.range.end - stretch.range.start).min(left);
            left -= bytes;
            wanted.push((&stretch.object, stretch.range.start..stretch.range.start + bytes));
        }
        let blocks = self.0.reads.blocks();
        let mut reads = Vec::with_capacity(wanted.len());
        for (object, range) in wanted {
            reads.push(blocks.read(object, range));
        }
        let mut reads = stream::iter(reads).buffered(PARALLEL_RANGES);
        let mut spans = Vec::new();
        while let Some(read) = reads.next().await {
            match (read, stretches.first()) {
                (Ok(span), _) => spans.push(span),
                (Err(error), Some(first)) if spans.is_empty() => return Err(self.unreadable(first, error)),
                // The bytes before are given; the read that begins here gets the error.
                (Err(_), _) => break,
            }
        }
        Ok(spans)
    }

    fn unreadable(&self, stretch: &Stretch, error: ReadObjectError) -> ReadError {
        let object = &stretch.object;
        let is_damage = !matches!(error, ReadObjectError::Store { .. });
        if is_damage && self.0.reads.is_news(object.shard, object.object, stretch.range.start) {
            tracing::error!(%error, "{}", Damage::OF_RECORDS);
        }
        error.into()
    }

    /// Takes batches of one stretch into the run. Gives the place of the first batch that was not taken, or none if
    /// all were.
    async fn walk(&self, walk: &mut Walk, stretch: &Stretch, span: Span) -> Result<Option<u64>, ReadError> {
        let start = stretch.range.start;
        let mut window = Window { span, taken: start..start };
        let stopped = self.walk_in(walk, stretch, &mut window).await;
        walk.collect(&window);
        stopped
    }

    async fn walk_in(
        &self,
        walk: &mut Walk,
        stretch: &Stretch,
        window: &mut Window,
    ) -> Result<Option<u64>, ReadError> {
        let mut at = stretch.range.start;
        walk.expected = stretch.base_offset;
        while at < stretch.end {
            let head = at..(at + HEAD_LEN as u64).min(stretch.end);
            self.show(walk, stretch, window, head.clone()).await?;
            let header = parse(&window.span, head).and_then(|header| walk.check(header, at, stretch.end));
            let header = header.map_err(|reason| self.corrupt(stretch, at, &reason))?;
            let batch = at..at + header.len() as u64;
            match walk.decide(&header) {
                Choice::Skip => window.taken = batch.end..batch.end,
                Choice::Stop => return Ok(Some(at)),
                Choice::Take => {
                    self.show(walk, stretch, window, batch.clone()).await?;
                    header
                        .verify_pieces(window.span.slices(batch.clone()))
                        .map_err(|error| self.corrupt(stretch, at, &error.to_string()))?;
                    window.taken.end = batch.end;
                    walk.take(&header);
                }
            }
            at = batch.end;
        }
        Ok(None)
    }

    /// Makes sure that the window shows `needed`, which follows what was taken. Reads on by what is still wanted.
    async fn show(
        &self,
        walk: &mut Walk,
        stretch: &Stretch,
        window: &mut Window,
        needed: Range<u64>,
    ) -> Result<(), ReadError> {
        if window.span.covers(&needed) {
            return Ok(());
        }
        walk.collect(window);
        window.taken = needed.start..needed.start;
        let wanted = (needed.start + walk.left() as u64).min(stretch.end).max(needed.end);
        let read = self.0.reads.blocks().read(&stretch.object, needed.start..wanted).await;
        window.span = read.map_err(|error| self.unreadable(stretch, error))?;
        Ok(())
    }

    /// Brings what comes after `at` into the block cache, in the background.
    fn read_ahead(&self, stretches: &[Stretch], at: u64, bytes: u64) {
        let Some(permit) = self.0.reads.permit_read_ahead(bytes) else { return };
        let blocks = self.0.reads.blocks().clone();
        let mut left = bytes;
        let mut wanted = Vec::new();
        for (index, stretch) in stretches.iter().take(MOST_RANGES).enumerate() {
            let start = if index == 0 { at } else { stretch.range.start };
            let take = stretch.end.saturating_sub(start).min(left);
            left -= take;
            if take > 0 {
                wanted.push((stretch.object.clone(), start..start + take));
            }
        }
        self.0.reads.spawn_read_ahead(async move {
            let _permit = permit;
            let all = stream::iter(wanted).map(|(object, range)| {
                let blocks = &blocks;
                async move { blocks.read(&object, range).await }
            });
            all.buffer_unordered(PARALLEL_RANGES)
                .for_each(async |span| {
                    if let Err(error) = span {
                        // The consumer's own read will say it again if it lasts.
                        tracing::debug!(%error, "reading ahead failed");
                    }
                })
                .await;
        });
    }

    fn corrupt(&self, stretch: &Stretch, at: u64, reason: &str) -> ReadError {
        let object = &stretch.object;
        if self.0.reads.is_news(object.shard, object.object, at) {
            tracing::error!(path = %object.path, at, reason, "{}", Damage::OF_RECORDS);
        }
        ReadError::Corrupt { object: object.path.to_string(), at, reason: reason.to_owned() }
    }
}
