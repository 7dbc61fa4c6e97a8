//! One life of a shard between opening and ending: what is dropped together when a commit fails.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use slatedb::Db;
use tokio::sync::{OnceCell, mpsc};

use super::commit::Request;
use super::counts::{Counts, Known};
use super::error::{AppendError, NotOpen, PartitionError};
use super::health::Progress;
use super::keys::Served;
use super::loading;
use super::metrics::ShardMetrics;
use super::partition::{Loaded, PartitionLog, Writer};
use super::reader::Source;
use super::retention;
use super::retention::View;
use super::wal::Wal;
use crate::runtime::Shutdown;
use crate::runtime::clock::{Clock, Instant};
use crate::types::Partition;

/// From so many on, partitions are loaded together.
const MANY: usize = 32;
/// Partitions that one pass over the index loads: while it runs, none of them can be unloaded.
const LOADED_AT_ONCE: usize = 1024;

/// Everything that a shard is told to obey: it outlives the shard's incarnations.
pub(super) struct Settings {
    partitions: Mutex<HashMap<Partition, Known>>,
    producer_expiration_ms: AtomicI64,
    /// The metadata that all this is from, or newer.
    served: Mutex<Option<Arc<Served>>>,
    /// Rows of topics with partitions here, as they are stored, or about to be.
    topics: Mutex<HashMap<Bytes, Bytes>>,
}

impl Settings {
    pub fn new(producer_expiration: Duration) -> Settings {
        let settings = Settings {
            partitions: Mutex::default(),
            producer_expiration_ms: AtomicI64::default(),
            served: Mutex::default(),
            topics: Mutex::default(),
        };
        settings.set_producer_expiration(producer_expiration);
        settings
    }

    /// The partitions of the shard.
    pub fn partitions(&self) -> MutexGuard<'_, HashMap<Partition, Known>> {
        self.partitions.lock()
    }

    pub fn set_producer_expiration(&self, expiration: Duration) {
        let ms = i64::try_from(expiration.as_millis()).unwrap_or(i64::MAX);
        self.producer_expiration_ms.store(ms, Ordering::Relaxed);
    }

    /// A producer whose last batch is older is forgotten, in milliseconds since the Unix epoch.
    pub fn expired_before(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.producer_expiration_ms.load(Ordering::Relaxed))
    }

    /// Notes that the row of a topic is to be kept. False if that is known.
    pub fn keep_topic(&self, key: &Bytes, value: &Bytes) -> bool {
        self.topics.lock().insert(key.clone(), value.clone()).as_ref() != Some(value)
    }

    pub fn forget_topic(&self, key: &Bytes) {
        self.topics.lock().remove(key);
    }

    /// Learns which rows of topics are stored, and gives those that should be and are not.
    pub fn compare_topics(&self, stored: Vec<(Bytes, Bytes)>) -> Vec<(Bytes, Bytes)> {
        let mut topics = self.topics.lock();
        let stored: HashMap<Bytes, Bytes> = stored.into_iter().collect();
        let missing = topics.iter().filter(|(key, value)| stored.get(*key) != Some(*value));
        let missing = missing.map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, value) in stored {
            topics.entry(key).or_insert(value);
        }
        missing
    }

    pub fn served(&self) -> Option<Arc<Served>> {
        self.served.lock().clone()
    }

    /// An older one than is known changes nothing.
    pub fn serve_under(&self, served: Served) {
        let mut newest = self.served.lock();
        if newest.as_ref().is_none_or(|known| known.index < served.index) {
            *newest = Some(Arc::new(served));
        }
    }
}

/// An open shard. Next offsets, producers and waiting appends are its own, and end with it.
pub(super) struct Incarnation {
    pub db: Db,
    pub wal: Wal,
    /// The writer epoch of the database.
    pub epoch: u64,
    pub source: Source,
    pub queue: mpsc::UnboundedSender<Request>,
    pub metrics: Arc<ShardMetrics>,
    pub settings: Arc<Settings>,
    /// Requested once it is over.
    pub ended: Shutdown,
    /// Where the time of a producer's last batch makes it forgotten, in milliseconds since the Unix epoch.
    pub expired_before: Box<dyn Fn() -> i64 + Send + Sync>,
    /// Whoever looks after what is kept.
    pub retention: retention::Handle,
    pub progress: Progress,
    partitions: Mutex<HashMap<Partition, Arc<Slot>>>,
}

/// A partition, loaded once when it is first needed.
#[derive(Default)]
struct Slot {
    loaded: OnceCell<Arc<PartitionLog>>,
    /// Taken by the commit task when it first needs it.
    writer: Mutex<Option<Writer>>,
}

/// What [`Incarnation::new`] is made of.
pub(super) struct Parts {
    pub db: Db,
    pub wal: Wal,
    pub epoch: u64,
    pub source: Source,
    pub queue: mpsc::UnboundedSender<Request>,
    pub metrics: Arc<ShardMetrics>,
    pub settings: Arc<Settings>,
    pub expired_before: Box<dyn Fn() -> i64 + Send + Sync>,
    pub retention: retention::Handle,
}

impl Incarnation {
    pub fn new(parts: Parts) -> Incarnation {
        Incarnation {
            db: parts.db,
            wal: parts.wal,
            epoch: parts.epoch,
            source: parts.source,
            queue: parts.queue,
            metrics: parts.metrics,
            settings: parts.settings,
            expired_before: parts.expired_before,
            retention: parts.retention,
            progress: Progress::default(),
            ended: Shutdown::new(),
            partitions: Mutex::default(),
        }
    }

    /// Queues something for the commit task.
    pub fn send(&self, request: Request) -> Result<(), AppendError> {
        self.metrics.queued_bytes.add(request.bytes() as i64);
        self.queue.send(request).map_err(|_| AppendError::NotOpen(NotOpen))
    }

    /// The partition, loaded if need be.
    pub async fn partition(&self, partition: Partition) -> Result<Arc<PartitionLog>, PartitionError> {
        let slot = self.slot(partition)?;
        let loaded = slot.loaded.get_or_try_init(|| self.load(partition, &slot)).await?;
        // The settings may have changed while it was loaded, when nobody could tell it.
        if let Some(known) = self.settings.partitions().get(&partition) {
            loaded.set_leader_epoch(known.settings.leader_epoch);
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
    pub async fn find_ends(&self, clock: &Clock, deadline: Instant) -> Result<(), PartitionError> {
        let mut unknown: Vec<(Partition, Arc<Counts>)> = {
            let settings = self.settings.partitions();
            let unknown = settings.iter().filter(|(_, known)| known.counts.end().is_none());
            unknown.map(|(partition, known)| (*partition, Arc::clone(&known.counts))).collect()
        };
        unknown.sort_unstable_by_key(|(partition, _)| *partition);
        for part in unknown.chunks(LOADED_AT_ONCE) {
            if self.ended.is_requested() || clock.instant() >= deadline {
                break;
            }
            let ids: Vec<Partition> = part.iter().map(|(partition, _)| *partition).collect();
            let found = loading::load_many(&self.db, &ids, (self.expired_before)()).await?;
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

    /// What is known of all partitions that are loaded.
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
            let held_by_slot_and_writer = 2;
            let log = slot.loaded.get();
            Arc::strong_count(slot) == 1
                && log.is_some_and(|log| Arc::strong_count(log) == held_by_slot_and_writer)
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

    /// Ends it: whoever reads, waits, or loads hears of it.
    pub fn end(&self) {
        self.ended.request();
        self.wal.abandon();
        self.metrics.queued_bytes.set(0);
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
                all = loading::load_many(&self.db, &ids, (self.expired_before)()) => all?,
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
            loaded = loading::load(&self.db, partition, (self.expired_before)()) => loaded?,
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
        let log = Arc::new(PartitionLog::new(partition, settings, &loaded, self.source.clone(), counts));
        if self.ended.is_requested() {
            log.end();
        }
        *slot.writer.lock() = Some(Writer::new(Arc::clone(&log), loaded));
        Ok(log)
    }
}
