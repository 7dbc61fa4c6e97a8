//! The share of all readers of a broker: caches, waiting fetches, and the memory of who reads in order.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::log::read::block_cache::BlockCache;
use crate::log::read::metrics::CacheMetrics;
use crate::log::read::tail_cache::TailCache;
use crate::log::read::time_index::TimeIndex;
use crate::log::read::unfolding::Unfolding;
use crate::log::read::waiters::Waiters;
use crate::log::stored::keys::Object;
use crate::runtime::memory::Memory;
use crate::runtime::{Runtime, TaskKind};
use crate::store::Store;
use crate::types::{Partition, ShardId};

/// Bounds of the read side, for the whole broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Recent durable batches.
    pub tail_cache_bytes: u64,
    /// Blocks of objects.
    pub block_cache_bytes: u64,
    /// Most bytes read ahead of one consumer; 0 reads nothing ahead.
    pub read_ahead_bytes: u64,
    /// Most bytes being read ahead at a time, of all consumers.
    pub read_ahead_total_bytes: u64,
    /// Answers that are being made, wait, or are not taken yet.
    pub answer_bytes: u64,
}

impl Default for ReadLimits {
    fn default() -> ReadLimits {
        ReadLimits {
            tail_cache_bytes: 128 << 20,
            block_cache_bytes: 128 << 20,
            read_ahead_bytes: 4 << 20,
            read_ahead_total_bytes: 32 << 20,
            answer_bytes: 256 << 20,
        }
    }
}

/// Reads in order that are remembered at most.
const POSITIONS: u64 = 10_000;
/// Partitions whose timestamps are remembered at most.
const TIME_INDEXES: u64 = 10_000;
/// Corrupt places that are remembered at most, so that each is logged once.
const REPORTED: usize = 1_000;
/// The read-ahead of a consumer that was just found to read in order; it doubles from read to read.
const FIRST_READ_AHEAD_BYTES: u64 = 512 << 10;
/// Bytes that one permit of the semaphore stands for.
const PERMIT_BYTES: u64 = 64 << 10;

/// The caches let go of what has been there, or has not been read, for so long at least and twice that at most: an idle
/// broker gives its memory back.
const FORGET_EVERY: Duration = Duration::from_secs(20);

/// The position at which a cold read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log) struct Position {
    /// The place of the next batch, if the index had one.
    pub place: Option<(Object, u64)>,
    /// Bytes that were read ahead then.
    pub ahead_bytes: u64,
}

/// Shared by all shards of a broker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reads(Arc<Inner>);

struct Inner {
    tail: TailCache,
    blocks: BlockCache,
    waiters: Waiters,
    /// By the offset that a consumer asks for next if it reads in order.
    positions: Cache<(Partition, i64), Position>,
    times: Cache<Partition, Arc<Mutex<TimeIndex>>>,
    ahead: Arc<Semaphore>,
    answers: Memory,
    unfolding: Unfolding,
    reported: Mutex<HashSet<(ShardId, Object, u64)>>,
    corrupt: IntCounter,
    limits: ReadLimits,
    runtime: Runtime,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reads").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Reads {
    pub fn new(store: &Store, limits: ReadLimits, runtime: &Runtime) -> Reads {
        let permits = usize::try_from(limits.read_ahead_total_bytes / PERMIT_BYTES).unwrap_or(usize::MAX);
        let metrics = |cache| CacheMetrics::register(&runtime.metrics, cache);
        let corrupt =
            IntCounter::new("kafkaesque_corrupt_batches_total", "Stored batches found corrupt by a read.")
                .expect("a valid metric");
        let _ = runtime.metrics.register(Box::new(corrupt.clone()));
        Reads(Arc::new(Inner {
            tail: TailCache::new(limits.tail_cache_bytes, metrics("tail")),
            blocks: BlockCache::new(
                store.object_store(),
                limits.block_cache_bytes,
                metrics("block"),
                runtime.tasks.clone(),
            ),
            waiters: Waiters::new(),
            positions: Cache::new(POSITIONS),
            times: Cache::new(TIME_INDEXES),
            ahead: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
            answers: Memory::new(usize::try_from(limits.answer_bytes).unwrap_or(usize::MAX), &runtime.clock),
            unfolding: Unfolding::default(),
            reported: Mutex::default(),
            corrupt,
            limits,
            runtime: runtime.clone(),
        }))
    }

    /// Lets the caches forget what is no longer recent, until the shutdown.
    pub async fn keep_recent(self) {
        let Runtime { clock, shutdown, .. } = &self.0.runtime;
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = clock.sleep(FORGET_EVERY) => {}
            }
            self.0.tail.forget_old();
            self.0.blocks.forget_unused();
        }
    }

    /// Recent durable batches: a commit inserts them before the high watermark moves.
    pub fn tail(&self) -> &TailCache {
        &self.0.tail
    }

    /// Blocks of stored objects.
    pub fn blocks(&self) -> &BlockCache {
        &self.0.blocks
    }

    /// Memory for answers.
    pub fn answers(&self) -> &Memory {
        &self.0.answers
    }

    /// Fetches that wait: a commit wakes them after the high watermark moved.
    pub fn waiters(&self) -> &Waiters {
        &self.0.waiters
    }

    /// Turns at looking into compressed batches, of producers and of lookups.
    pub fn unfolding(&self) -> &Unfolding {
        &self.0.unfolding
    }

    /// The clock that fetches wait by.
    pub fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    pub(in crate::log) fn position(&self, partition: Partition, offset: i64) -> Option<Position> {
        self.0.positions.get(&(partition, offset))
    }

    pub(in crate::log) fn remember(&self, partition: Partition, next_offset: i64, position: Position) {
        self.0.positions.insert((partition, next_offset), position);
    }

    /// Known timestamps of a partition.
    pub(in crate::log) fn time_index(&self, partition: Partition) -> Arc<Mutex<TimeIndex>> {
        self.0.times.get_with(partition, Arc::default)
    }

    /// The distance to read ahead of a consumer that goes on where it ended, given how far it was the last time.
    pub(in crate::log) fn next_read_ahead(&self, last_bytes: u64) -> u64 {
        (last_bytes * 2).max(FIRST_READ_AHEAD_BYTES).min(self.0.limits.read_ahead_bytes)
    }

    /// Leave to read `bytes` ahead, if others do not use it all.
    pub(in crate::log) fn permit_read_ahead(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).ok()?;
        Arc::clone(&self.0.ahead).try_acquire_many_owned(permits).ok()
    }

    pub(in crate::log) fn spawn_read_ahead(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.runtime.tasks.spawn(TaskKind::ReadAhead, work);
    }

    /// Counts a corrupt place. False if it was given before.
    pub(in crate::log) fn is_news(&self, shard: ShardId, object: Object, at: u64) -> bool {
        self.0.corrupt.inc();
        let mut reported = self.0.reported.lock();
        reported.len() < REPORTED && reported.insert((shard, object, at))
    }
}
