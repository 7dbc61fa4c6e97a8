//! The handle of one shard.

use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::log::commit::{Append, Appended, Ticket};
use crate::log::incarnation::{Incarnation, Settings};
use crate::log::partition::{Counts, Known, PartitionSettings};
use crate::log::read::PartitionLog;
use crate::log::read::shared::Reads;
use crate::log::retention::Pass;
use crate::log::shard::health::{Cause, STALL_LIMIT, Unable};
use crate::log::shard::open::Open;
use crate::log::shard::opening_time::OpeningTime;
use crate::log::shard::standing::Standing;
use crate::log::shard::supervisor;
use crate::log::stored::damage::Damage;
use crate::log::stored::error::{AppendError, NotOpen, OpenError, PartitionError};
use crate::log::stored::keys::{KeptTopic, ProducerEntry, Served};
use crate::log::stored::limits::Limits;
use crate::log::stored::metrics::{LogMetrics, ShardMetrics};
use crate::log::stored::paths::ShardPaths;
use crate::runtime::clock::Instant;
use crate::runtime::{Runtime, Shutdown, TaskKind};
use crate::store::Store;
use crate::store::database::Databases;
use crate::types::{Partition, ShardId, WriterEpoch};

/// Asks the metadata, linearizably, whether this broker still owns the shard. An error means that nobody could say.
pub type ConfirmOwner = Arc<dyn Fn(ShardId) -> BoxFuture<'static, Result<Standing, String>> + Send + Sync>;

/// A shard's identity, and limits.
#[derive(Clone)]
pub struct ShardOptions {
    pub id: ShardId,
    /// Asked after the writer epoch was read and before it is taken.
    pub confirm_owner: ConfirmOwner,
    pub limits: Limits,
    /// It was found damaged at the last try: then all of its log is looked at before anything is written.
    pub doubted: bool,
    /// Goes on from one try to the next.
    pub opening_time: OpeningTime,
}

/// Tools that all shards of a broker use together.
#[derive(Clone)]
pub struct Shared {
    pub runtime: Runtime,
    pub databases: Databases,
    /// Tail cache, block cache and waiting fetches. A commit inserts its durable batches into the tail cache, moves the
    /// high watermarks, then wakes the waiters of those partitions.
    pub reads: Reads,
    pub metrics: LogMetrics,
}

/// The state of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardState {
    /// It is being opened, for the first time or again.
    Opening,
    Open,
    /// It is not open, and will not open again: another owner has it, or stored data is malformed.
    Failed,
    /// It was closed on purpose, or is about to be.
    Closed,
}

/// A look at a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardStatus {
    pub state: ShardState,
    /// The writer epoch of the open incarnation.
    pub epoch: Option<WriterEpoch>,
}

/// Bytes of record batches that a shard has taken in, durably, and given to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    pub appended_bytes: u64,
    pub fetched_bytes: u64,
}

/// One shard: a log of segments and the index over it. Cheap to clone; stays valid while the shard ends and reopens.
#[derive(Clone)]
pub struct Shard(Arc<Inner>);

pub(in crate::log) struct Inner {
    pub options: ShardOptions,
    pub store: Store,
    pub shared: Shared,
    pub paths: ShardPaths,
    pub metrics: Arc<ShardMetrics>,
    pub settings: Arc<Settings>,
    pub stop: Shutdown,
    state: watch::Sender<State>,
    /// Since when it has not been open.
    unopened: Mutex<Instant>,
    trust: Trust,
    supervisor: Mutex<Option<JoinHandle<()>>>,
    /// When somebody else proved our ownership.
    confirmed: Mutex<Option<Instant>>,
}

/// The finding of the last look at the store.
#[derive(Default)]
struct Trust {
    /// Why it was refused when it was to be opened again.
    damage: RwLock<Option<Damage>>,
    /// See [`Shard::knows_metadata`].
    knows_metadata: AtomicBool,
}

/// The states of a shard; [`ShardState`] as the inside knows it.
#[derive(Clone)]
pub(in crate::log) enum State {
    /// With the reason why it was not open at the last try, if there was one.
    Opening(Option<Arc<str>>),
    Open(Open),
    /// With the reason.
    Failed(Arc<str>),
    Closed,
}

impl Inner {
    pub fn is_doubted(&self) -> bool {
        self.options.doubted || self.trust.damage.read().is_some()
    }

    /// Notes that nothing is wrong with it.
    pub fn trust(&self) {
        *self.trust.damage.write() = None;
    }

    /// Notes that the shard was found damaged. True if that is news.
    pub fn doubt(&self, damage: Damage) -> bool {
        self.trust.damage.write().replace(damage).is_none()
    }

    pub fn note_knows_metadata(&self, knows: bool) {
        self.trust.knows_metadata.store(knows, Ordering::Relaxed);
    }

    pub fn set_state(&self, state: State) {
        let before = self.state.send_replace(state);
        if matches!(before, State::Open(_)) {
            *self.unopened.lock() = self.shared.runtime.clock.instant();
        }
    }
}

impl Shard {
    /// Takes the shard over: fences the previous owner, replays what the index misses, and serves. Should it end later,
    /// it is opened again for as long as `confirm_owner` says that this broker owns it.
    pub async fn open(options: ShardOptions, store: Store, shared: Shared) -> Result<Shard, OpenError> {
        let now = shared.runtime.clock.instant();
        let inner = Arc::new(Inner {
            trust: Trust::default(),
            paths: ShardPaths::new(&store, options.id),
            metrics: Arc::new(shared.metrics.shard(options.id)),
            settings: Arc::new(Settings::new(options.limits.producer_expiration)),
            options,
            store,
            shared,
            stop: Shutdown::new(),
            state: watch::channel(State::Opening(None)).0,
            unopened: Mutex::new(now),
            supervisor: Mutex::new(None),
            confirmed: Mutex::new(None),
        });
        let running = supervisor::open(&inner).await?;
        inner.set_state(State::Open(running.open()));
        let task = supervisor::supervise(Arc::clone(&inner), running);
        let task = inner.shared.runtime.tasks.spawn(TaskKind::ShardSupervisor, task);
        *inner.supervisor.lock() = Some(task);
        Ok(Shard(inner))
    }

    pub fn id(&self) -> ShardId {
        self.0.options.id
    }

    /// The opening that serves now.
    pub fn opened(&self) -> Result<Open, NotOpen> {
        match &*self.0.state.borrow() {
            State::Open(open) => Ok(open.clone()),
            State::Opening(_) | State::Failed(_) | State::Closed => Err(NotOpen),
        }
    }

    /// Waits for an opening with a writer epoch above `epoch`. `None` once there will be no other here.
    pub async fn opened_after(&self, epoch: WriterEpoch) -> Option<Open> {
        let mut states = self.0.state.subscribe();
        let is_news = |state: &State| match state {
            State::Open(open) => open.epoch() > epoch,
            State::Opening(_) => false,
            State::Failed(_) | State::Closed => true,
        };
        match &*states.wait_for(is_news).await.ok()? {
            State::Open(open) => Some(open.clone()),
            State::Opening(_) | State::Failed(_) | State::Closed => None,
        }
    }

    /// See [`Open::append`].
    pub fn append(&self, append: Append) -> Result<Ticket<Appended>, AppendError> {
        self.opened()?.append(append)
    }

    /// See [`Open::partition`].
    pub fn partition(
        &self,
        partition: Partition,
    ) -> impl Future<Output = Result<Arc<PartitionLog>, PartitionError>> + Send + use<> {
        let open = self.opened();
        async move { open?.partition(partition).await }
    }

    /// See [`Open::prepare`]. A shard that is not open prepares nothing.
    pub async fn prepare(&self, partitions: &[Partition]) {
        if let Ok(open) = self.opened() {
            open.prepare(partitions).await;
        }
    }

    /// See [`Open::delete_records`].
    pub async fn delete_records(&self, partition: Partition, before: i64) -> Result<i64, AppendError> {
        self.opened()?.delete_records(partition, before).await
    }

    /// See [`Open::producers`].
    pub async fn producers(&self, partition: Partition) -> Result<Vec<ProducerEntry>, AppendError> {
        self.opened()?.producers(partition).await
    }

    /// Removes all rows of `partitions`, which are deleted for good: first nothing is taken for them any more.
    pub async fn remove_partitions(&self, partitions: &[Partition]) -> Result<(), AppendError> {
        for partition in partitions {
            self.0.settings.partitions().remove(partition);
        }
        self.opened()?.remove_partitions(partitions).await
    }

    /// See [`Open::run_retention`].
    pub async fn run_retention(&self) -> Option<Pass> {
        self.opened().ok()?.run_retention().await
    }

    /// Tells the shard of the metadata that it serves under from now on: before it is told of what is new in there, so that
    /// nothing of that is stored without it.
    pub fn serve_under(&self, served: Served) {
        self.0.settings.serve_under(served);
    }

    /// Has the shard remember a topic with partitions here, should the metadata be lost. It is stored within the time after
    /// which the index is flushed.
    pub fn keep_topic(&self, topic: &KeptTopic) {
        let (key, value) = (KeptTopic::key(topic.id), topic.value());
        if self.0.settings.keep_topic(&key, &value)
            && let Ok(open) = self.opened()
        {
            // The next incarnation looks what is missing.
            let _ = open.keep(key, value);
        }
    }

    /// True if the metadata cannot be an older copy of itself without this shard having said so when it was opened. A store of
    /// an earlier version cannot tell yet: nothing may go there for the reason that the metadata does not know it.
    pub fn knows_metadata(&self) -> bool {
        self.0.trust.knows_metadata.load(Ordering::Relaxed)
    }

    /// Tells the shard of a partition of its own, or of the partition's new settings.
    pub fn set_partition(&self, partition: Partition, settings: PartitionSettings) {
        match self.0.settings.partitions().entry(partition) {
            Entry::Occupied(mut known) => known.get_mut().settings = settings,
            Entry::Vacant(unknown) => {
                unknown.insert(Known { settings, counts: Arc::default() });
            }
        }
        if let Ok(open) = self.opened()
            && let Some(log) = open.incarnation().loaded(partition)
        {
            log.set_leader_epoch(settings.leader_epoch);
        }
    }

    /// Writes rows of the forms that this level of the cluster allows, from now on; before, of those that all do.
    pub fn set_level(&self, level: u16) {
        self.0.settings.set_level(level);
    }

    /// Obeys another `producer.id.expiration.ms` from now on.
    pub fn set_producer_expiration(&self, expiration: Duration) {
        self.0.settings.set_producer_expiration(expiration);
    }

    /// Shows what is counted of each partition of the shard, without loading any.
    pub fn each_count(&self, mut each: impl FnMut(Partition, &Counts)) {
        for (partition, known) in self.0.settings.partitions().iter() {
            each(*partition, &known.counts);
        }
    }

    /// Looks for the ends of partitions that nobody has asked for yet, no longer than until `deadline`.
    pub async fn find_ends(&self, deadline: Instant) -> Result<(), PartitionError> {
        self.opened()?.incarnation().find_ends(deadline).await
    }

    /// True if there was proof within `session` that this broker owns the shard: a durable segment, or
    /// [`Shard::confirm_ownership`].
    pub fn recently_confirmed(&self, session: Duration) -> bool {
        let now = self.0.shared.runtime.clock.instant();
        let Ok(open) = self.opened() else { return false };
        let confirmed = Some(open.incarnation().wal.confirmed()).max(*self.0.confirmed.lock());
        confirmed.is_some_and(|at| now.duration_since(at) <= session)
    }

    /// The last [`Shard::confirm_ownership`].
    pub fn confirmed_at(&self) -> Option<Instant> {
        self.opened().ok()?;
        *self.0.confirmed.lock()
    }

    /// Notes proof of ownership as of `at`: the controller said so.
    pub fn confirm_ownership(&self, at: Instant) {
        let mut confirmed = self.0.confirmed.lock();
        *confirmed = (*confirmed).max(Some(at));
    }

    /// True if the stored index still names this opening as its writer: nobody has taken the shard over.
    pub async fn is_newest_writer(&self) -> bool {
        let Ok(open) = self.opened() else { return false };
        let stored = self.0.shared.databases.stored_manifest(self.0.paths.index()).await;
        stored.is_ok_and(|stored| {
            stored.is_some_and(|stored| WriterEpoch(stored.writer_epoch()) == open.epoch())
        })
    }

    /// Bytes that it has carried since this process began, in all openings.
    pub fn carried(&self) -> Carried {
        let metrics = &self.0.metrics;
        Carried { appended_bytes: metrics.appended_bytes.get(), fetched_bytes: metrics.fetched_bytes.get() }
    }

    /// Since when something waits to become durable, and nothing did.
    pub fn waiting_since(&self) -> Option<Instant> {
        self.opened().ok()?.incarnation().progress.waiting_since()
    }

    /// Moves what the log alone has into tables of the index, so that the next opening has little to replay.
    pub async fn flush_index(&self) -> Result<(), AppendError> {
        self.opened()?.flush_index().await
    }

    /// Why it is refused, if it was found damaged when it was to be opened again.
    pub fn damage(&self) -> Option<Damage> {
        self.0.trust.damage.read().clone()
    }

    pub fn status(&self) -> ShardStatus {
        match &*self.0.state.borrow() {
            State::Opening(_) => ShardStatus { state: ShardState::Opening, epoch: None },
            State::Open(open) => ShardStatus { state: ShardState::Open, epoch: Some(open.epoch()) },
            State::Failed(_) => ShardStatus { state: ShardState::Failed, epoch: None },
            State::Closed => ShardStatus { state: ShardState::Closed, epoch: None },
        }
    }

    /// Why it serves nobody, if it cannot. Asks nobody, and costs nothing.
    pub fn unable(&self) -> Option<Unable> {
        let unopened = *self.0.unopened.lock();
        match self.0.state.borrow().clone() {
            State::Opening(reason) => Some(Unable { since: unopened, cause: Cause::Opening(reason) }),
            State::Open(open) => self.stalled(open.incarnation()),
            State::Failed(reason) => Some(Unable { since: unopened, cause: Cause::Ended(reason) }),
            State::Closed => Some(Unable { since: unopened, cause: Cause::Closed }),
        }
    }

    /// Appends that were taken wait for their commit first, by the least time between two.
    fn stalled(&self, incarnation: &Incarnation) -> Option<Unable> {
        if let Some(since) = incarnation.wal.full_since() {
            return Some(Unable { since, cause: Cause::Full });
        }
        let now = self.0.shared.runtime.clock.instant();
        let failing = self.0.store.health().failing();
        let waiting = incarnation.progress.waiting_since();
        let patience = STALL_LIMIT + self.0.options.limits.commit_interval;
        if let Some(since) = waiting.filter(|since| now.duration_since(*since) >= patience) {
            let reason = incarnation.wal.last_failure();
            let reason = reason.or_else(|| failing.map(|failing| failing.cause.into()));
            let reason = reason.unwrap_or_else(|| "the object store does not answer".into());
            return Some(Unable { since, cause: Cause::Stalled(reason) });
        }
        let failing = failing.filter(|failing| now.duration_since(failing.since) >= STALL_LIMIT)?;
        Some(Unable { since: failing.since, cause: Cause::StoreFails(failing.cause.into()) })
    }

    /// Finishes what was taken, flushes the index, and closes: within the limit for closing, more or less.
    pub async fn close(&self) {
        self.0.stop.request();
        let task = self.0.supervisor.lock().take();
        if let Some(task) = task {
            // A panic was reported where it happened.
            let _ = task.await;
        }
    }
}
