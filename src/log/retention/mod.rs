//! Retention of a shard's records: log starts that rise, rows and objects that go.
//! It knows nothing of clients and reads no image: what each partition keeps was pushed to the shard.
//! Entry point: [`Keeper`], one task per incarnation; [`policy::Policy`] says what expires, purely.
//! Invariant: a log start is durable before a row below it goes, and a row's removal is durable before its object goes.
//!
//! The unit is the extent: what one commit wrote of one partition. Kafka deletes whole segment files by their greatest
//! timestamp, and so do we with extents, oldest first and never past one that stays.

mod expire;
mod policy;
mod survey;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::log::commit::{Control, Queue};
use crate::log::garbage::{self, Collected, Collector};
use crate::log::incarnation::Incarnation;
use crate::log::stored::error::{AppendError, PartitionError};
use crate::log::stored::keys;
use crate::log::stored::metrics::ShardRetentionMetrics;
use crate::runtime::clock::Instant;
use crate::runtime::{Runtime, Shutdown, TaskKind};
use crate::types::Partition;
use watch::Seen;

/// The first pass of an incarnation comes no later than this (Kafka's `log.initial.task.delay.ms`).
const FIRST_PASS: Duration = Duration::from_secs(30);
/// A partition that nothing happened to for so long is let go of.
const UNLOAD_AFTER: Duration = Duration::from_secs(60);
/// The time between two looks at whether the disk is full, which gives no time to wait for the next pass.
const FULL_LOOK: Duration = Duration::from_secs(5);
/// Objects that wait for a segment to say the replay point, before one is written for that alone: where records come, one
/// is soon written anyway.
const MANY_UNSAID: u64 = 64;
/// The time for which, and in which steps, a pass looks for the index flush that it asked for.
const FLUSH_POLL: Duration = Duration::from_millis(500);
const FLUSH_POLLS: usize = 10;

/// Why a pass ended early. What it did until then is consistent, and the next one goes on.
#[derive(Debug, Error)]
pub enum PassError {
    #[error("the incarnation ended")]
    Ended,
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error(transparent)]
    Garbage(#[from] garbage::CollectError),
}

impl From<AppendError> for PassError {
    fn from(_: AppendError) -> PassError {
        PassError::Ended
    }
}

/// The work of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Extent rows, and the bytes of their extents.
    pub removed_rows: u64,
    pub removed_bytes: u64,
    /// The collection of objects, if they were looked at.
    pub collected: Option<Collected>,
}

/// The way to the keeper. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    /// Bytes of extents whose rows were removed since objects were looked at.
    dead_bytes: Arc<AtomicU64>,
    passes: mpsc::UnboundedSender<oneshot::Sender<Pass>>,
}

impl Handle {
    pub fn new() -> (Handle, mpsc::UnboundedReceiver<oneshot::Sender<Pass>>) {
        let (passes, asked) = mpsc::unbounded_channel();
        (Handle { dead_bytes: Arc::default(), passes }, asked)
    }

    pub fn add_dead_bytes(&self, bytes: u64) {
        self.dead_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Has a pass made now. `None` if it failed.
    pub async fn pass(&self) -> Option<Pass> {
        let (answer, done) = oneshot::channel();
        self.passes.send(answer).ok()?;
        done.await.ok()
    }
}

/// The keeper's task.
pub(super) struct Running {
    stop: Shutdown,
    task: JoinHandle<()>,
}

impl Running {
    /// Stops it and waits for it. Call this before the database is closed.
    pub async fn stop(self) {
        self.stop.request();
        // A panic was reported where it happened.
        let _ = self.task.await;
    }
}

/// Looks after what one incarnation keeps.
pub(super) struct Keeper {
    incarnation: Arc<Incarnation>,
    queue: Queue,
    handle: Handle,
    collector: Collector,
    runtime: Runtime,
    interval: Duration,
    metrics: ShardRetentionMetrics,
    seen: HashMap<Partition, Seen>,
    /// Loaded partitions: their ends, and since when those are so.
    idle: HashMap<Partition, (i64, i64, Instant)>,
    /// True if objects wait for an index flush before they may go.
    pending: bool,
    last: Option<Look>,
}

/// A look at the objects, and how far the shard was then.
struct Look {
    collected: Collected,
    at: Instant,
    appended_bytes: u64,
    durable_id: u64,
}

impl Keeper {
    pub fn new(
        incarnation: Arc<Incarnation>,
        queue: Queue,
        handle: Handle,
        collector: Collector,
        runtime: Runtime,
        interval: Duration,
        metrics: ShardRetentionMetrics,
    ) -> Keeper {
        Keeper {
            incarnation,
            queue,
            handle,
            collector,
            runtime,
            interval,
            metrics,
            seen: HashMap::new(),
            idle: HashMap::new(),
            pending: false,
            last: None,
        }
    }

    /// Starts the task, which makes a pass every interval, and when `asked` to.
    pub fn start(self, asked: mpsc::UnboundedReceiver<oneshot::Sender<Pass>>) -> Running {
        let stop = self.runtime.shutdown.child();
        let tasks = self.runtime.tasks.clone();
        let until = stop.clone();
        let task = tasks.spawn(TaskKind::Deletion, async move {
            let ended = self.incarnation.ended.clone();
            tokio::select! {
                () = self.run(asked) => {}
                () = until.requested() => {}
                () = ended.requested() => {}
            }
        });
        Running { stop, task }
    }

    async fn run(mut self, mut asked: mpsc::UnboundedReceiver<oneshot::Sender<Pass>>) {
        let clock = self.runtime.clock.clone();
        let mut next = clock.instant() + self.interval.min(FIRST_PASS);
        loop {
            let look = next.min(clock.instant() + FULL_LOOK);
            let answer = tokio::select! {
                () = clock.sleep_until(look) => {
                    let is_full = self.incarnation.wal.full_since().is_some();
                    if look < next && !is_full {
                        continue;
                    }
                    None
                }
                Some(answer) = asked.recv() => Some(answer),
            };
            match self.pass().await {
                Ok(pass) => {
                    tracing::debug!(?pass, "retention pass");
                    // Whoever asked may be gone.
                    let _ = answer.map(|answer| answer.send(pass));
                }
                Err(PassError::Ended) => return,
                Err(error) => tracing::warn!(%error, "retention pass ended early; the next one goes on"),
            }
            next = clock.instant() + self.interval;
        }
    }

    async fn pass(&mut self) -> Result<Pass, PassError> {
        let mut pass = Pass::default();
        self.expire(&mut pass).await?;
        if self.is_collection_due() {
            if self.dead_bytes() > 0 {
                self.flush_index().await?;
            }
            let mut collected = self.collect().await?;
            if collected.unsaid_objects >= MANY_UNSAID {
                self.say_replay_after().await?;
                collected = self.collect().await?;
            }
            pass.collected = Some(collected);
        }
        self.show();
        self.unload_idle()?;
        Ok(pass)
    }

    fn dead_bytes(&self) -> u64 {
        self.handle.dead_bytes.load(Ordering::Relaxed)
    }

    /// Looking at the objects reads every extent row. So that this costs no more than a few rows read for every row
    /// written, it waits until enough has changed, unless the rows are few.
    fn is_collection_due(&self) -> bool {
        let Some(last) = &self.last else { return true };
        let written = self.incarnation.wal.durable_id().saturating_sub(last.durable_id);
        let age = self.runtime.clock.instant().duration_since(last.at);
        garbage::is_due(&last.collected, self.dead_bytes(), self.pending, written, age)
    }

    /// Has the index flushed, so that the log's replay no longer needs what was written until now; waits for it a while.
    async fn flush_index(&self) -> Result<(), PassError> {
        let wanted = self.incarnation.wal.durable_id();
        self.queue.flush_index()?.await?;
        for _ in 0..FLUSH_POLLS {
            let stored = self.collector.replay_after().await?;
            self.incarnation.wal.note_stored_replay_after(stored);
            if stored >= wanted {
                return self.say_replay_after().await;
            }
            self.runtime.clock.sleep(FLUSH_POLL).await;
        }
        Ok(())
    }

    /// Has a segment written that says the stored replay point, if none does yet: what lies below may go only then.
    async fn say_replay_after(&self) -> Result<(), PassError> {
        let wal = &self.incarnation.wal;
        if wal.said_replay_after() >= wal.stored_replay_after() {
            return Ok(());
        }
        let (key, value) = keys::flush_marker();
        Ok(self.queue.write_rows(vec![(key, Some(value))])?.await?)
    }

    async fn collect(&mut self) -> Result<Collected, PassError> {
        let dead = self.dead_bytes();
        let (appended, durable_id) =
            (self.incarnation.metrics.appended_bytes.get(), self.incarnation.wal.durable_id());
        let said = self.incarnation.wal.said_replay_after();
        let collected = self.collector.collect(&self.incarnation.db, durable_id, said).await?;
        self.handle.dead_bytes.fetch_sub(dead, Ordering::Relaxed);
        self.pending = collected.pending;
        self.show_collected(&collected);
        let at = self.runtime.clock.instant();
        self.last = Some(Look { collected, at, appended_bytes: appended, durable_id });
        Ok(collected)
    }

    fn show_collected(&self, collected: &Collected) {
        self.metrics.deleted_objects.inc_by(collected.deleted_objects);
        self.metrics.deleted_bytes.inc_by(collected.deleted_bytes);
        self.metrics.log_objects.set(collected.objects.cast_signed());
        self.metrics.log_object_bytes.set(collected.object_bytes.cast_signed());
        self.metrics.index_extents.set(collected.extents.cast_signed());
    }

    fn show(&self) {
        let Some(last) = &self.last else { return };
        let appended = self.incarnation.metrics.appended_bytes.get().saturating_sub(last.appended_bytes);
        let retained = (last.collected.retained_bytes + appended).saturating_sub(self.dead_bytes());
        self.metrics.retained_bytes.set(retained.cast_signed());
    }

    /// Lets go of partitions that nothing happened to for a while and nobody holds.
    fn unload_idle(&mut self) -> Result<(), PassError> {
        let now = self.runtime.clock.instant();
        let views = self.incarnation.views();
        self.metrics.loaded_partitions.set(views.len() as i64);
        let mut idle = HashMap::new();
        let mut unwanted = Vec::new();
        for (partition, view) in views {
            let ends = (view.log_start, view.high_watermark);
            let since = match self.idle.get(&partition) {
                Some(&(start, end, since)) if (start, end) == ends => since,
                _ => now,
            };
            if now.duration_since(since) >= UNLOAD_AFTER {
                unwanted.push(partition);
            }
            idle.insert(partition, (ends.0, ends.1, since));
        }
        self.idle = idle;
        if !unwanted.is_empty() {
            self.queue.control(Control::Unload(unwanted))?;
        }
        Ok(())
    }
}
