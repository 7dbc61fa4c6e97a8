//! The handle of one shard.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use slatedb::Db;
use tokio::task::JoinHandle;

use super::append::{Append, Appended, Ticket};
use super::commit::Request;
use super::counts::{Counts, Known};
use super::damage::Damage;
use super::error::{AppendError, NotOpen, OpenError, PartitionError};
use super::health::{Cause, STALL_LIMIT, Unable};
use super::incarnation::{Incarnation, Settings};
use super::keys::{KeptTopic, ProducerEntry, Served, Tag};
use super::loading;
use super::metrics::{LogMetrics, ShardMetrics};
use super::partition::{PartitionLog, PartitionSettings};
use super::paths::ShardPaths;
use super::reads::Reads;
use super::retention::Pass;
use super::standing::Standing;
use super::supervisor;
use crate::runtime::clock::Instant;
use crate::runtime::{Runtime, Shutdown, TaskKind};
use crate::store::Store;
use crate::store::database::Databases;
use crate::types::{Partition, ShardId, TopicId};

/// Asks the metadata, linearizably, whether this broker still owns the shard. An error means that nobody could say.
pub type ConfirmOwner = Arc<dyn Fn(ShardId) -> BoxFuture<'static, Result<Standing, String>> + Send + Sync>;

/// Rows that are removed in one commit when a partition is deleted.
const REMOVED_PER_COMMIT: usize = 1_000;

/// What a shard is and may use.
#[derive(Clone)]
pub struct ShardOptions {
    pub id: ShardId,
    /// Asked after the writer epoch was read and before it is taken.
    pub confirm_owner: ConfirmOwner,
    pub limits: Limits,
    /// It was found damaged at the last try: then all of its log is looked at before anything is written.
    pub doubted: bool,
}

/// Sizes and times of a shard.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Greatest length of a segment's payload, in bytes. A batch that is larger gets a segment of its own.
    pub segment_max_bytes: usize,
    /// Least time between the starts of two commits, unless a full segment waits.
    pub commit_interval: Duration,
    /// Segments in flight at a time.
    pub window: u16,
    /// The index is flushed after this many segments, so that opening need not replay more.
    pub flush_every_segments: u64,
    /// The index is flushed this long after the first segment that it misses.
    pub flush_interval: Duration,
    /// A producer that was silent for so long is forgotten, until [`Shard::set_producer_expiration`] says otherwise.
    pub producer_expiration: Duration,
    /// Time between two looks at what has expired (`log.retention.check.interval.ms`).
    pub retention_check_interval: Duration,
    /// Time for opening, retries included.
    pub open_timeout: Duration,
    /// Time for making durable what was taken, when closing.
    pub close_timeout: Duration,
}

impl Limits {
    /// Greatest window of any owner.
    pub const MOST_WINDOW: u16 = 64;
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            segment_max_bytes: 8 * 1024 * 1024,
            commit_interval: Duration::ZERO,
            window: 1,
            flush_every_segments: 512,
            flush_interval: Duration::from_secs(60),
            producer_expiration: Duration::from_secs(24 * 3600),
            retention_check_interval: Duration::from_secs(300),
            open_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(20),
        }
    }
}

/// What all shards of a broker use together.
#[derive(Clone)]
pub struct Shared {
    pub runtime: Runtime,
    pub databases: Databases,
    /// Tail cache, block cache and waiting fetches. A commit inserts its durable batches into the tail cache, moves the
    /// high watermarks, then wakes the waiters of those partitions.
    pub reads: Reads,
    pub metrics: LogMetrics,
}

/// Whether a shard serves.
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
    pub epoch: Option<u64>,
}

/// One shard: a log of segments and the index over it. Cheap to clone; stays valid while the shard ends and reopens.
#[derive(Clone)]
pub struct Shard(Arc<Inner>);

pub(super) struct Inner {
    pub options: ShardOptions,
    pub store: Store,
    pub shared: Shared,
    pub paths: ShardPaths,
    pub metrics: Arc<ShardMetrics>,
    pub settings: Arc<Settings>,
    pub stop: Shutdown,
    state: RwLock<State>,
    /// Since when it has not been open.
    unopened: Mutex<Instant>,
    trust: Trust,
    supervisor: Mutex<Option<JoinHandle<()>>>,
    /// When somebody else proved our ownership.
    confirmed: Mutex<Option<Instant>>,
}

/// What the last look at the store found.
#[derive(Default)]
struct Trust {
    /// Why it was refused when it was to be opened again.
    damage: RwLock<Option<Damage>>,
    /// See [`Shard::knows_metadata`].
    knows_metadata: AtomicBool,
}

/// The states of a shard; [`ShardState`] as the inside knows it.
#[derive(Clone)]
pub(super) enum State {
    /// With the reason why it was not open at the last try, if there was one.
    Opening(Option<Arc<str>>),
    Open(Arc<Incarnation>),
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
        let mut current = self.state.write();
        if matches!(*current, State::Open(_)) {
            *self.unopened.lock() = self.shared.runtime.clock.instant();
        }
        *current = state;
    }

    fn open(&self) -> Result<Arc<Incarnation>, NotOpen> {
        match &*self.state.read() {
            State::Open(incarnation) => Ok(Arc::clone(incarnation)),
            State::Opening(_) | State::Failed(_) | State::Closed => Err(NotOpen),
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
            state: RwLock::new(State::Opening(None)),
            unopened: Mutex::new(now),
            supervisor: Mutex::new(None),
            confirmed: Mutex::new(None),
        });
        let running = supervisor::open(&inner).await?;
        inner.set_state(State::Open(running.incarnation()));
        let task = supervisor::supervise(Arc::clone(&inner), running);
        let task = inner.shared.runtime.tasks.spawn(TaskKind::ShardSupervisor, task);
        *inner.supervisor.lock() = Some(task);
        Ok(Shard(inner))
    }

    pub fn id(&self) -> ShardId {
        self.0.options.id
    }

    /// Queues a batch. Never blocks; the ticket resolves once the batch is durable, or refused on durable grounds.
    pub fn append(&self, append: Append) -> Result<Ticket<Appended>, AppendError> {
        let incarnation = self.0.open()?;
        if !self.0.settings.partitions().contains_key(&append.partition) {
            return Err(AppendError::UnknownPartition);
        }
        let (answer, ticket) = Ticket::pair();
        incarnation.send(Request::Append(append, answer))?;
        Ok(ticket)
    }

    /// A partition's state for reading, loaded when first asked for.
    pub fn partition(
        &self,
        partition: Partition,
    ) -> impl Future<Output = Result<Arc<PartitionLog>, PartitionError>> + Send + use<> {
        let open = self.0.open();
        async move { open?.partition(partition).await }
    }

    /// Loads partitions that are about to be asked for one by one, as far as that is cheaper together. What fails here is
    /// tried again, and told, when the partition is asked for.
    pub async fn prepare(&self, partitions: &[Partition]) {
        if let Ok(open) = self.0.open() {
            let _ = open.load_many(partitions).await;
        }
    }

    /// Makes `before`, or the high watermark if that is negative, the partition's log start, unless it is further
    /// already. Returns the log start once it is durable.
    pub async fn delete_records(&self, partition: Partition, before: i64) -> Result<i64, AppendError> {
        let incarnation = self.0.open()?;
        let log = incarnation.partition(partition).await.map_err(AppendError::from)?;
        let before = if before < 0 { log.high_watermark() } else { before };
        let (answer, ticket) = Ticket::pair();
        incarnation.send(Request::LogStart(partition, before, answer))?;
        ticket.await
    }

    /// The idempotent producers of a partition, by ascending id, with all that was durable when this was asked.
    pub async fn producers(&self, partition: Partition) -> Result<Vec<ProducerEntry>, AppendError> {
        let (answer, ticket) = Ticket::pair();
        self.0.open()?.send(Request::Producers(partition, answer))?;
        ticket.await
    }

    /// Removes all rows of `partitions`, which are deleted for good: first nothing is taken for them any more.
    pub async fn remove_partitions(&self, partitions: &[Partition]) -> Result<(), AppendError> {
        for partition in partitions {
            self.0.settings.partitions().remove(partition);
        }
        let incarnation = self.0.open()?;
        let topics: BTreeSet<TopicId> = partitions.iter().map(|partition| partition.topic).collect();
        for key in topics.into_iter().map(KeptTopic::key) {
            self.0.settings.forget_topic(&key);
            self.write_rows(vec![(key, None)])?.await?;
        }
        for partition in partitions {
            let (answer, ticket) = Ticket::pair();
            incarnation.send(Request::Forget(*partition, answer))?;
            ticket.await?;
            loop {
                let rows = loading::some_rows(&incarnation.db, *partition, REMOVED_PER_COMMIT).await;
                let loading::SomeRows { keys, extent_bytes } = rows.map_err(AppendError::from)?;
                if keys.is_empty() {
                    break;
                }
                self.write_rows(keys.into_iter().map(|key| (key, None)).collect())?.await?;
                incarnation.retention.add_dead_bytes(extent_bytes);
            }
        }
        Ok(())
    }

    /// Looks at what has expired, and at what nothing refers to, without waiting for the next interval. `None` if the
    /// shard is not open, or the pass failed.
    pub async fn run_retention(&self) -> Option<Pass> {
        self.0.open().ok()?.retention.pass().await
    }

    /// The index, for reading rows that are durable: with `DurabilityLevel::Remote`, or known to be. Valid for one
    /// incarnation.
    pub fn index(&self) -> Result<Db, NotOpen> {
        Ok(self.0.open()?.db.clone())
    }

    /// Writes rows of another kind than a partition's: all or none, a value or a deletion each. The ticket resolves
    /// once they are durable.
    pub fn write_rows(&self, rows: Vec<(Bytes, Option<Bytes>)>) -> Result<Ticket<()>, AppendError> {
        let (answer, ticket) = Ticket::pair();
        self.0.open()?.send(Request::Rows(rows, answer))?;
        Ok(ticket)
    }

    /// As above, but only into the incarnation of this writer epoch: what was decided on the state of one must not
    /// reach the next.
    pub fn write_rows_of(
        &self,
        epoch: u64,
        rows: Vec<(Bytes, Option<Bytes>)>,
    ) -> Result<Ticket<()>, AppendError> {
        let incarnation = self.0.open()?;
        if incarnation.epoch != epoch {
            return Err(AppendError::IncarnationEnded);
        }
        let (answer, ticket) = Ticket::pair();
        incarnation.send(Request::Rows(rows, answer))?;
        Ok(ticket)
    }

    /// All rows of one kind, of the incarnation with this writer epoch: those that were durable when it opened, at
    /// least.
    pub async fn rows(&self, epoch: u64, tag: Tag) -> Result<Vec<(Bytes, Bytes)>, PartitionError> {
        let incarnation = self.0.open()?;
        if incarnation.epoch != epoch {
            return Err(NotOpen.into());
        }
        loading::rows(&incarnation.db, tag).await
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
            && let Ok(incarnation) = self.0.open()
        {
            // The next incarnation looks what is missing.
            let _ = incarnation.send(Request::Keep(key, value));
        }
    }

    /// Whether the metadata cannot be an older copy of itself without this shard having said so when it was opened. A store of
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
        if let Ok(incarnation) = self.0.open()
            && let Some(log) = incarnation.loaded(partition)
        {
            log.set_leader_epoch(settings.leader_epoch);
        }
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
        let clock = &self.0.shared.runtime.clock;
        self.0.open()?.find_ends(clock, deadline).await
    }

    /// True if there was proof within `session` that this broker owns the shard: a durable segment, or
    /// [`Shard::confirm_ownership`].
    pub fn recently_confirmed(&self, session: Duration) -> bool {
        let now = self.0.shared.runtime.clock.instant();
        let Ok(incarnation) = self.0.open() else { return false };
        let confirmed = Some(incarnation.wal.confirmed()).max(*self.0.confirmed.lock());
        confirmed.is_some_and(|at| now.duration_since(at) <= session)
    }

    /// Notes proof of ownership as of `at`: the controller said so.
    pub fn confirm_ownership(&self, at: Instant) {
        let mut confirmed = self.0.confirmed.lock();
        *confirmed = (*confirmed).max(Some(at));
    }

    /// Why it is refused, if it was found damaged when it was to be opened again.
    pub fn damage(&self) -> Option<Damage> {
        self.0.trust.damage.read().clone()
    }

    pub fn status(&self) -> ShardStatus {
        match &*self.0.state.read() {
            State::Opening(_) => ShardStatus { state: ShardState::Opening, epoch: None },
            State::Open(open) => ShardStatus { state: ShardState::Open, epoch: Some(open.epoch) },
            State::Failed(_) => ShardStatus { state: ShardState::Failed, epoch: None },
            State::Closed => ShardStatus { state: ShardState::Closed, epoch: None },
        }
    }

    /// Why it serves nobody, if it cannot. Asks nobody, and costs nothing.
    pub fn unable(&self) -> Option<Unable> {
        let unopened = *self.0.unopened.lock();
        match self.0.state.read().clone() {
            State::Opening(reason) => Some(Unable { since: unopened, cause: Cause::Opening(reason) }),
            State::Open(incarnation) => self.stalled(&incarnation),
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
