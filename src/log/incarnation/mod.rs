//! One incarnation of a shard, between opening and ending: the state that is dropped when a commit fails.
//! It knows no task that works on it: committing, keeping and closing are done to it.
//! Entry point: [`Incarnation`]; [`Settings`], what outlives it.
//! Invariant: a partition is loaded once, and nothing is loaded after the end.

mod progress;
mod settings;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use slatedb::Db;
use tokio::sync::OnceCell;

use crate::log::partition::{Counts, Known, Loaded, PartitionState, View, Writer, loading};
use crate::log::read::PartitionLog;
use crate::log::read::source::Source;
use crate::log::stored::error::{NotOpen, PartitionError};
use crate::log::stored::metrics::ShardMetrics;
use crate::log::wal::Wal;
use crate::runtime::Shutdown;
use crate::runtime::clock::{Clock, Instant};
use crate::types::{Partition, WriterEpoch};

pub use progress::Progress;
pub use settings::Settings;

/// From so many on, partitions are loaded together.
const MANY: usize = 32;
/// Partitions that one pass over the index loads: while it runs, none of them can be unloaded.
const LOADED_AT_ONCE: usize = 1024;

/// An open shard. Next offsets, producers and waiting appends are its own, and end with it.
pub(super) struct Incarnation {
    pub db: Db,
    pub wal: Wal,
    /// The writer epoch of the database.
    pub epoch: WriterEpoch,
    pub source: Source,
    pub metrics: Arc<ShardMetrics>,
    pub settings: Arc<Settings>,
    /// Requested once it is over.
    pub ended: Shutdown,
    /// Nobody reads it any more, though it is not over.
    is_left: AtomicBool,
    pub progress: Progress,
    /// Since when it is open, until its first records are durable.
    unused_since: Mutex<Option<Instant>>,
    clock: Clock,
    partitions: Mutex<HashMap<Partition, Arc<Slot>>>,
}

/// A partition, loaded once when it is first needed.
#[derive(Default)]
struct Slot {
    loaded: OnceCell<Arc<PartitionLog>>,
    /// Taken by the commit task when it first needs it.
    writer: Mutex<Option<Writer>>,
}

impl Incarnation {
    pub fn new(
        db: Db,
        wal: Wal,
        source: Source,
        metrics: Arc<ShardMetrics>,
        settings: Arc<Settings>,
        clock: Clock,
    ) -> Incarnation {
        Incarnation {
            epoch: WriterEpoch(db.manifest().writer_epoch()),
            db,
            wal,
            source,
            metrics,
            settings,
            unused_since: Mutex::new(Some(clock.instant())),
            clock,
            progress: Progress::default(),
            ended: Shutdown::new(),
            is_left: AtomicBool::new(false),
            partitions: Mutex::default(),
        }
    }

    /// Records have become durable.
    pub fn note_records(&self) {
        if let Some(since) = self.unused_since.lock().take() {
            let took = self.clock.instant().saturating_duration_since(since);
            self.metrics.first_append_seconds.set(took.as_secs_f64());
        }
    }

    /// The time of a last batch that makes a producer forgotten, in milliseconds since the Unix epoch.
    pub fn expired_before(&self) -> i64 {
        self.settings.expired_before(self.clock.now_ms())
    }

    /// The partition, loaded if need be.
    pub async fn partition(&self, partition: Partition) -> Result<Arc<PartitionLog>, PartitionError> {
        let slot = self.slot(partition)?;
        let loaded = slot.loaded.get_or_try_init(|| self.load(partition, &slot)).await?;
        // The settings may have changed while it was loaded, when nobody could tell it.
        if let Some(known) = self.settings.partitions().get(&partition) {
            loaded.set_leader_epoch(known.settings.leader_epoch);
        }
        if self.is_left.load(Ordering::Acquire) {
            loaded.end();
        }
        Ok(Arc::clone(loaded))
    }

    /// The partition's writing side: for the commit task, once.
    pub async fn take_writer(&self, partition: Partition) -> Result<Option<Writer>, PartitionError> {
        self.partition(partition).await?;
        let slot = self.slot(partition)?;
        Ok(slot.writer.lock().take())
    }

    /// Finds the ends of partitions that nobody has loaded yet, until `deadline` and a little more.
    pub async fn find_ends(&self, deadline: Instant) -> Result<(), PartitionError> {
        let mut unknown: Vec<(Partition, Arc<Counts>)> = {
            let settings = self.settings.partitions();
            let unknown = settings.iter().filter(|(_, known)| known.counts.end().is_none());
            unknown.map(|(partition, known)| (*partition, Arc::clone(&known.counts))).collect()
        };
        unknown.sort_unstable_by_key(|(partition, _)| *partition);
        for part in unknown.chunks(LOADED_AT_ONCE) {
            if self.ended.is_requested() || self.clock.instant() >= deadline {
                break;
            }
            let ids: Vec<Partition> = part.iter().map(|(partition, _)| *partition).collect();
            let found = loading::load_many(&self.db, &ids, self.expired_before()).await?;
            for ((_, counts), found) in part.iter().zip(found) {
                // Whoever has loaded it meanwhile knows better.
                if counts.end().is_none() {
                    counts.set_end(found.next_offset);
                }
            }
        }
        Ok(())
    }

    /// The partition if it is loaded already.
    pub fn loaded(&self, partition: Partition) -> Option<Arc<PartitionLog>> {
        self.partitions.lock().get(&partition).and_then(|slot| slot.loaded.get().cloned())
    }

    /// Views of all partitions that are loaded.
    pub fn views(&self) -> HashMap<Partition, View> {
        let partitions = self.partitions.lock();
        let loaded = partitions.iter().filter_map(|(partition, slot)| Some((*partition, slot.loaded.get()?)));
        loaded.map(|(partition, log)| (partition, log.view())).collect()
    }

    /// The same of one partition.
    pub fn view(&self, partition: Partition) -> Option<View> {
        self.loaded(partition).map(|log| log.view())
    }

    /// Lets go of a partition, if it is loaded and nobody but the caller, who has its writer, holds it.
    pub fn unload(&self, partition: Partition) -> bool {
        // Under the lock nobody can take hold of it anew.
        let mut partitions = self.partitions.lock();
        let unused = partitions.get(&partition).is_some_and(|slot| {
            let held_by_log_and_writer = 2;
            let is_unused = |log: &Arc<PartitionLog>| {
                Arc::strong_count(log) == 1 && Arc::strong_count(log.state()) == held_by_log_and_writer
            };
            Arc::strong_count(slot) == 1 && slot.loaded.get().is_some_and(is_unused)
        });
        if unused {
            partitions.remove(&partition);
        }
        unused
    }

    /// Forgets a partition that is deleted.
    pub fn forget(&self, partition: Partition) {
        let slot = self.partitions.lock().remove(&partition);
        if let Some(log) = slot.and_then(|slot| slot.loaded.get().cloned()) {
            log.end();
        }
        self.source.reads().tail().remove(partition);
        self.source.reads().waiters().wake(partition);
    }

    /// Ends reading, while what was taken is still finished: whoever waits for more hears of it at once.
    pub fn end_reading(&self) {
        self.is_left.store(true, Ordering::Release);
        let loaded = |slot: &Arc<Slot>| slot.loaded.get().cloned();
        let logs: Vec<_> = self.partitions.lock().values().filter_map(loaded).collect();
        for log in logs {
            log.end();
            self.source.reads().waiters().wake(log.id());
        }
    }

    /// Ends it: whoever reads, waits, or loads hears of it.
    pub fn end(&self) {
        self.ended.request();
        self.wal.abandon();
        let slots: Vec<(Partition, Arc<Slot>)> = self.partitions.lock().drain().collect();
        for (partition, slot) in slots {
            if let Some(log) = slot.loaded.get() {
                log.end();
            }
            self.source.reads().waiters().wake(partition);
        }
    }

    fn slot(&self, partition: Partition) -> Result<Arc<Slot>, PartitionError> {
        if !self.settings.partitions().contains_key(&partition) {
            return Err(PartitionError::Unknown(partition));
        }
        let mut partitions = self.partitions.lock();
        // Under the lock, so that nothing is added behind the end.
        if self.ended.is_requested() {
            return Err(NotOpen.into());
        }
        Ok(Arc::clone(partitions.entry(partition).or_default()))
    }

    /// Loads those of these partitions that are not loaded yet, if they are many: together that costs far less than one by
    /// one. One that cannot be loaded now is left to who asks for it.
    pub async fn load_many(&self, partitions: &[Partition]) -> Result<(), PartitionError> {
        let mut wanted: Vec<(Partition, Arc<Slot>)> = partitions
            .iter()
            .filter_map(|partition| Some((*partition, self.slot(*partition).ok()?)))
            .filter(|(_, slot)| slot.loaded.get().is_none())
            .collect();
        if wanted.len() < MANY {
            return Ok(());
        }
        wanted.sort_unstable_by_key(|(partition, _)| *partition);
        wanted.dedup_by_key(|(partition, _)| *partition);
        for part in wanted.chunks(LOADED_AT_ONCE) {
            let ids: Vec<Partition> = part.iter().map(|(partition, _)| *partition).collect();
            let all = tokio::select! {
                biased;
                all = loading::load_many(&self.db, &ids, self.expired_before()) => all?,
                () = self.ended.requested() => return Err(NotOpen.into()),
            };
            for ((partition, slot), loaded) in part.iter().zip(all) {
                // The slot is held since before the rows were read: it cannot have been loaded, written and let go of since.
                let _ = slot.loaded.get_or_try_init(async || self.enter(*partition, slot, loaded)).await;
            }
        }
        Ok(())
    }

    async fn load(&self, partition: Partition, slot: &Slot) -> Result<Arc<PartitionLog>, PartitionError> {
        let loaded = tokio::select! {
            biased;
            loaded = loading::load(&self.db, partition, self.expired_before()) => loaded?,
            () = self.ended.requested() => return Err(NotOpen.into()),
        };
        self.enter(partition, slot, loaded)
    }

    /// Makes what was read of a partition its state.
    fn enter(
        &self,
        partition: Partition,
        slot: &Slot,
        loaded: Loaded,
    ) -> Result<Arc<PartitionLog>, PartitionError> {
        let known = self.settings.partitions().get(&partition).cloned();
        let Known { settings, counts } = known.ok_or(PartitionError::Unknown(partition))?;
        let state = Arc::new(PartitionState::new(partition, settings, &loaded, counts));
        let log = Arc::new(PartitionLog::new(Arc::clone(&state), self.source.clone()));
        if self.ended.is_requested() {
            log.end();
        }
        *slot.writer.lock() = Some(Writer::new(state, loaded));
        Ok(log)
    }
}
