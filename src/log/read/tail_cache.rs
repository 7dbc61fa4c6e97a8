//! The recent durable batches of all partitions, for consumers that keep up.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::log::read::metrics::CacheMetrics;
use crate::types::Partition;

/// The cost of an entry beside its bytes: its place in two queues, and what its slices keep alive of the request they
/// came in (the frame's header and the topic's name).
const ENTRY_OVERHEAD_BYTES: u64 = 256;
/// Old entries that go under one lock.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// Keeps the newest batches within one budget for the whole broker; the oldest go first, whatever their partition.
/// Cheap to clone; clones are one cache.
///
/// Batches are shared, never copied. A slice keeps the whole request alive that it came in; the batches of one request
/// become durable at about the same time and so leave together, which makes their sum a fair measure of it.
#[derive(Clone, Debug)]
pub struct TailCache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    budget_bytes: u64,
    state: Mutex<State>,
    metrics: CacheMetrics,
}

#[derive(Debug, Default)]
struct State {
    partitions: HashMap<Partition, VecDeque<Entry>>,
    /// All entries by age.
    order: VecDeque<Arrival>,
    bytes: u64,
    /// Goes up from one `forget_old` to the next.
    generation: u64,
}

/// An entry's key, and the generation in which it came.
#[derive(Debug)]
struct Arrival {
    partition: Partition,
    base_offset: i64,
    generation: u64,
}

#[derive(Debug)]
struct Entry {
    base_offset: i64,
    last_offset: i64,
    chunks: [Bytes; 2],
}

/// Consecutive whole batches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub chunks: Vec<Bytes>,
    pub bytes: usize,
    /// The offset after the last batch.
    pub next_offset: i64,
    /// A batch was there and did not fit.
    pub stopped_by_size: bool,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.chunks[0].len() + self.chunks[1].len()
    }

    fn cost(&self) -> u64 {
        self.bytes() as u64 + ENTRY_OVERHEAD_BYTES
    }
}

impl TailCache {
    /// A cache of `budget_bytes` for all partitions together; 0 keeps nothing.
    pub fn new(budget_bytes: u64, metrics: CacheMetrics) -> TailCache {
        TailCache(Arc::new(Inner { budget_bytes, state: Mutex::default(), metrics }))
    }

    /// Adds a durable batch: its head and the rest. Batches of a partition come in the order of their offsets; after a
    /// gap the older ones are kept and reads end before it.
    pub fn insert(&self, partition: Partition, base_offset: i64, last_offset: i64, chunks: [Bytes; 2]) {
        let entry = Entry { base_offset, last_offset, chunks };
        let cost = entry.cost();
        if cost > self.0.budget_bytes {
            return;
        }
        let mut state = self.0.state.lock();
        let entries = state.partitions.entry(partition).or_default();
        if entries.back().is_some_and(|last| last.last_offset >= base_offset) {
            // Known already: durable batches never change.
            return;
        }
        entries.push_back(entry);
        let generation = state.generation;
        state.order.push_back(Arrival { partition, base_offset, generation });
        state.bytes += cost;
        while state.bytes > self.0.budget_bytes && state.evict_oldest() {}
        self.0.metrics.bytes.set(state.bytes.cast_signed());
    }

    /// Batches from the one that contains `offset` on, below `end`, of at most `max_bytes` together; the first one is
    /// given whatever its size if `min_one`. None if the cache does not hold the offset.
    pub fn read(
        &self,
        partition: Partition,
        offset: i64,
        end: i64,
        max_bytes: usize,
        min_one: bool,
    ) -> Option<Run> {
        let state = self.0.state.lock();
        let entries =
            state.partitions.get(&partition).filter(|e| e.front().is_some_and(|f| f.base_offset <= offset));
        let run = entries.and_then(|entries| run(entries, offset, end, max_bytes, min_one));
        drop(state);
        let counter = if run.is_some() { &self.0.metrics.hits } else { &self.0.metrics.misses };
        counter.inc();
        run
    }

    /// The lowest offset at or above `offset` that is here.
    pub fn next_cached(&self, partition: Partition, offset: i64) -> Option<i64> {
        let state = self.0.state.lock();
        let entries = state.partitions.get(&partition)?;
        let at = entries.partition_point(|entry| entry.last_offset < offset);
        entries.get(at).map(|entry| entry.base_offset.max(offset))
    }

    /// Forgets what was here already when this was last called: it is no longer recent.
    pub fn forget_old(&self) {
        let mut state = self.0.state.lock();
        let before = state.generation;
        state.generation += 1;
        drop(state);
        // A few at a time: commits and readers wait for the lock.
        while self.forget_some(before) {}
    }

    /// True if there may be more.
    fn forget_some(&self, before: u64) -> bool {
        let mut state = self.0.state.lock();
        let is_old = |state: &State| state.order.front().is_some_and(|oldest| oldest.generation < before);
        let forgotten = (0..FORGOTTEN_AT_ONCE).take_while(|_| is_old(&state) && state.evict_oldest()).count();
        if state.order.is_empty() {
            state.order.shrink_to_fit();
            state.partitions.shrink_to_fit();
        }
        self.0.metrics.bytes.set(state.bytes.cast_signed());
        forgotten == FORGOTTEN_AT_ONCE
    }

    /// Forgets a partition that is deleted, or is no longer served here.
    pub fn remove(&self, partition: Partition) {
        let mut state = self.0.state.lock();
        if let Some(entries) = state.partitions.remove(&partition) {
            state.bytes -= entries.iter().map(Entry::cost).sum::<u64>();
            state.order.retain(|place| place.partition != partition);
        }
    }

    /// Bytes held, overhead included.
    pub fn bytes(&self) -> u64 {
        self.0.state.lock().bytes
    }
}

fn run(entries: &VecDeque<Entry>, offset: i64, end: i64, max_bytes: usize, min_one: bool) -> Option<Run> {
    let first = entries.partition_point(|entry| entry.last_offset < offset);
    entries.get(first).filter(|entry| entry.base_offset <= offset)?;
    let mut run = Run { next_offset: offset, ..Run::default() };
    let mut expected = None;
    for entry in entries.range(first..) {
        if entry.last_offset >= end || expected.is_some_and(|e| e != entry.base_offset) {
            break;
        }
        let fits = run.bytes + entry.bytes() <= max_bytes || (min_one && run.bytes == 0);
        if !fits {
            run.stopped_by_size = true;
            break;
        }
        run.bytes += entry.bytes();
        run.chunks.extend(entry.chunks.iter().filter(|chunk| !chunk.is_empty()).cloned());
        run.next_offset = entry.last_offset + 1;
        expected = Some(run.next_offset);
    }
    Some(run)
}

impl State {
    /// False if there is nothing to evict.
    fn evict_oldest(&mut self) -> bool {
        let Some(Arrival { partition, base_offset, .. }) = self.order.pop_front() else { return false };
        let Some(entries) = self.partitions.get_mut(&partition) else { return true };
        if entries.front().is_some_and(|entry| entry.base_offset == base_offset) {
            self.bytes -= entries.pop_front().map_or(0, |entry| entry.cost());
        }
        if entries.is_empty() {
            self.partitions.remove(&partition);
        }
        true
    }
}
