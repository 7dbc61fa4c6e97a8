//! The one task of a shard that writes: it turns what waits into segments, a window of them in flight at a time.
//! It knows nothing of connections or APIs: requests come through a queue, answers go out through tickets.
//! Entry point: [`CommitTask::run`]; [`plan`] lays out one commit, purely.
//! Invariant: nothing is answered or becomes visible before the segment that it is in, and all before that, are durable.

pub mod append;
mod flights;
mod flushing;
mod gathering;
pub mod payload;
pub mod plan;
pub mod removal;
mod request;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use slatedb::{ErrorKind, WriteBatch};
use tokio::sync::{mpsc, oneshot};

use crate::log::incarnation::Incarnation;
use crate::log::partition::Writer;
use crate::log::stored::error::{AppendError, PartitionError};
use crate::log::stored::keys;
use crate::log::stored::limits::Limits;
use crate::log::stored::metrics::ShardMetrics;
use crate::log::wal::Staged;
use crate::runtime::Runtime;
use crate::runtime::clock::Instant;
use crate::types::Partition;
use flights::{Backlog, Flight, Flights, Lost};
use flushing::Flushing;
use gathering::{GATHER_TIME, SMALL_COMMIT_BYTES};
use plan::{Plan, Planner};

pub use append::{Append, Appended, Permit, Ticket};
use request::{Change, Work};
pub use request::{Control, Queue, Removal, Request, Row};

/// Pause before a partition's loading is tried again.
const LOAD_RETRY: Duration = Duration::from_millis(500);

/// Why the commit task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to, and everything is durable.
    Closed,
    /// A commit failed for good, or the database ended.
    Failed,
}

/// The next step of the commit task.
enum Next {
    Commit,
    /// It was told to close, and there is nothing left to do.
    Close,
    /// The incarnation is over.
    End,
}

type Load = BoxFuture<'static, (Partition, Result<Option<Writer>, PartitionError>)>;

/// The commit task.
pub struct CommitTask {
    incarnation: Arc<Incarnation>,
    limits: Limits,
    runtime: Runtime,
    metrics: Arc<ShardMetrics>,
    queue: mpsc::UnboundedReceiver<Request>,
    backlog: Backlog,
    flights: Flights,
    writers: HashMap<Partition, Writer>,
    /// Work that waits for a partition to be loaded, oldest first.
    parked: HashMap<Partition, Vec<Work>>,
    loads: FuturesUnordered<Load>,
    flushing: Flushing,
    closing: bool,
}

impl CommitTask {
    pub(super) fn new(
        incarnation: Arc<Incarnation>,
        limits: Limits,
        runtime: Runtime,
        metrics: Arc<ShardMetrics>,
        queue: mpsc::UnboundedReceiver<Request>,
    ) -> CommitTask {
        CommitTask {
            incarnation,
            limits,
            runtime,
            metrics,
            queue,
            backlog: Backlog::default(),
            flights: Flights::default(),
            writers: HashMap::new(),
            parked: HashMap::new(),
            loads: FuturesUnordered::new(),
            flushing: Flushing::default(),
            closing: false,
        }
    }

    /// Commits until told to close, or until a commit fails.
    pub async fn run(mut self) -> Ended {
        loop {
            match self.next().await {
                Next::Commit => {
                    // Whoever is about to ask anyway still gets into this commit.
                    tokio::task::yield_now().await;
                    self.receive();
                    if self.gather().await.is_err() {
                        return Ended::Failed;
                    }
                    let plan = self.plan();
                    if self.write(plan).await.is_err() {
                        return Ended::Failed;
                    }
                }
                Next::Close => return Ended::Closed,
                Next::End => return Ended::Failed,
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.closing
            && self.backlog.is_empty()
            && self.parked.is_empty()
            && self.flights.is_empty()
            && !self.flushing.is_wanted()
    }

    /// Waits until there is something to commit and it may start. What lands meanwhile is published.
    async fn next(&mut self) -> Next {
        let ended = self.incarnation.ended.clone();
        loop {
            if self.is_drained() {
                return Next::Close;
            }
            let has_room = self.incarnation.wal.has_room();
            let start = if has_room { self.start() } else { None };
            tokio::select! {
                biased;
                () = ended.requested() => return Next::End,
                landed = self.flights.landed() => match landed {
                    Ok(flight) => self.publish(flight),
                    Err(Lost) => return Next::End,
                },
                Some((partition, loaded)) = self.loads.next() => self.loaded(partition, loaded),
                () = self.runtime.clock.reach(start) => return Next::Commit,
                // Requests that come while nothing can start are better taken all at once.
                request = self.queue.recv(), if has_room => match request {
                    Some(request) => {
                        self.received(request);
                        self.receive();
                    }
                    None => return Next::End,
                },
            }
        }
    }

    /// When the next commit may start, if there is anything to commit. A full segment gains nothing by waiting.
    fn start(&self) -> Option<Instant> {
        let now = self.runtime.clock.instant();
        let closing = self.closing && self.parked.is_empty();
        let at_once = closing || self.backlog.bytes() >= self.limits.segment_max_bytes;
        let wanted = match () {
            () if !self.backlog.is_empty() => Some(now),
            () if closing => self.flushing.is_wanted().then_some(now),
            () => self.flushing.due(&self.limits, now),
        };
        let allowed = self.flights.next_start(self.limits.window, self.limits.commit_interval);
        wanted.map(|wanted| if at_once { wanted } else { Some(wanted).max(allowed).unwrap_or(wanted) })
    }

    /// Waits, for a moment, for the appends of producers that do not wait for the answers to these.
    async fn gather(&mut self) -> Result<(), Lost> {
        if !self.is_gathering() || !self.backlog.gathering.is_due() {
            return Ok(());
        }
        let mut anything_came = false;
        let clock = self.runtime.clock.clone();
        let mut over = std::pin::pin!(clock.sleep(GATHER_TIME));
        while self.is_gathering() {
            tokio::select! {
                biased;
                landed = self.flights.landed() => self.publish(landed?),
                () = &mut over => break,
                Some(request) = self.queue.recv() => {
                    anything_came = true;
                    self.received(request);
                    self.receive();
                }
            }
        }
        self.backlog.gathering.ended(anything_came);
        Ok(())
    }

    /// Commits that start at intervals have gathered already.
    fn is_gathering(&self) -> bool {
        self.backlog.more_to_come()
            && !self.closing
            && self.limits.commit_interval.is_zero()
            && self.backlog.bytes() < self.limits.segment_max_bytes.min(SMALL_COMMIT_BYTES)
    }

    /// Takes everything that came.
    fn receive(&mut self) {
        while let Ok(request) = self.queue.try_recv() {
            self.received(request);
        }
    }

    fn received(&mut self, request: Request) {
        match request {
            Request::Work(work) => self.wait(work),
            Request::Control(Control::Keep(key, value)) => {
                self.flushing.kept.push((key, value));
                self.flushing.since.get_or_insert_with(|| self.runtime.clock.instant());
            }
            Request::Control(Control::FlushIndex(answer)) => {
                self.flushing.overdue = true;
                let (key, value) = keys::flush_marker();
                self.wait(Work::Change(Change::Rows(vec![(key, Some(value))], answer)));
            }
            Request::Control(Control::Unload(partitions)) => self.unload(partitions),
            Request::Control(Control::Close) => self.closing = true,
        }
    }

    /// Puts work behind all that waits.
    fn wait(&mut self, work: Work) {
        self.incarnation.progress.taken(|| self.runtime.clock.instant());
        self.metrics.queued_bytes.add(work.bytes() as i64);
        self.backlog.push_back(work);
    }

    /// Goes on with the work that waited for `partition`.
    fn loaded(&mut self, partition: Partition, loaded: Result<Option<Writer>, PartitionError>) {
        let waiting = self.parked.remove(&partition).unwrap_or_default();
        match loaded {
            Ok(Some(writer)) => {
                self.metrics.high_watermark.add(writer.next_offset);
                self.writers.insert(partition, writer);
                for work in waiting.into_iter().rev() {
                    self.backlog.push_front(work);
                }
            }
            // Dropping the requests says that the incarnation ended.
            Ok(None) | Err(PartitionError::NotOpen(_)) => {}
            Err(PartitionError::Unknown(_)) => self.refuse(waiting, AppendError::UnknownPartition),
            Err(error) => {
                tracing::error!(%partition, %error, "partition cannot be loaded");
                self.refuse(waiting, AppendError::Malformed);
            }
        }
        self.note_progress();
    }

    fn note_progress(&self) {
        let more = !(self.backlog.is_empty() && self.parked.is_empty() && self.flights.is_empty());
        self.incarnation.progress.made(self.runtime.clock.instant(), more);
    }

    /// Lays out the next commit: what waits, up to the greatest size of a segment.
    fn plan(&mut self) -> Plan {
        let mut planner = Planner::new(self.runtime.clock.now_ms());
        let mut bytes = 0;
        let is_full = self.incarnation.wal.full_since().is_some();
        while let Some(work) = self.backlog.pop_front() {
            if is_full && matches!(work, Work::Append(..)) {
                self.refuse(vec![work], AppendError::Full);
                continue;
            }
            let unloaded = work.needs().filter(|partition| !self.writers.contains_key(partition));
            if let Some(partition) = unloaded {
                self.park(partition, work);
                continue;
            }
            if bytes > 0 && bytes + work.bytes() > self.limits.segment_max_bytes {
                self.backlog.push_front(work);
                break;
            }
            bytes += work.bytes();
            self.metrics.queued_bytes.sub(work.bytes() as i64);
            if let Work::Change(Change::Forget(partition, _)) = &work {
                self.forget(*partition);
            }
            planner.add(work);
        }
        let mut plan = planner.lay_out(&mut self.writers, &mut self.flushing.dirty);
        self.plan_flush(&mut plan);
        self.plan_served(&mut plan);
        plan
    }

    fn park(&mut self, partition: Partition, work: Work) {
        let waiting = self.parked.entry(partition).or_default();
        waiting.push(work);
        if waiting.len() == 1 {
            self.loads.push(Box::pin(load(Arc::clone(&self.incarnation), self.runtime.clone(), partition)));
        }
    }

    fn forget(&mut self, partition: Partition) {
        if let Some(writer) = self.writers.remove(&partition) {
            self.metrics.high_watermark.sub(writer.next_offset);
        }
        let waiting = self.parked.remove(&partition).unwrap_or_default();
        self.refuse(waiting, AppendError::UnknownPartition);
        self.incarnation.forget(partition);
    }

    fn refuse(&self, works: Vec<Work>, error: AppendError) {
        for work in works {
            self.metrics.queued_bytes.sub(work.bytes() as i64);
            work.refuse(error);
        }
    }

    /// Writes the plan as one segment, which is on its way then. What lands meanwhile is published.
    async fn write(&mut self, mut plan: Plan) -> Result<(), Lost> {
        let started = self.runtime.clock.instant();
        if !plan.has_rows() {
            self.flights.push(Flight { plan, chunks: Vec::new(), started, durable: None });
            return Ok(());
        }
        let (durable, is_durable) = oneshot::channel();
        let (payload, rows) = plan.encode(self.incarnation.wal.next_id());
        if let Err(error) = self.incarnation.settings.check_forms(&rows) {
            tracing::error!(%error, "nothing was stored");
            return Err(Lost);
        }
        let chunks = payload.chunks.clone();
        if plan.flush_index {
            self.metrics.index_flushes.inc();
        }
        let staged = Staged { payload, flush_index: plan.flush_index, durable: Some(durable) };
        self.incarnation.wal.stage(staged);
        let mut batch = WriteBatch::new();
        for (key, value) in rows {
            match value {
                Some(value) => batch.put_bytes(key, value),
                None => batch.delete(&key),
            }
        }
        let incarnation = Arc::clone(&self.incarnation);
        let mut write = std::pin::pin!(incarnation.db.write(batch));
        loop {
            tokio::select! {
                biased;
                landed = self.flights.landed() => {
                    self.publish(landed?);
                    // The segment that is being written is in no queue.
                    self.incarnation.progress.taken(|| self.runtime.clock.instant());
                }
                written = &mut write => match written {
                    Ok(_) => break,
                    Err(error) => {
                        tracing::debug!(%error, "commit failed");
                        return Err(Lost);
                    }
                },
            }
        }
        let mut flight = Flight { plan, chunks, started, durable: Some(is_durable) };
        if self.runtime.flaws.acks_early {
            // An empty one in its place keeps the pace.
            let left =
                Flight { plan: Plan::default(), chunks: Vec::new(), started, durable: flight.durable.take() };
            self.publish(std::mem::replace(&mut flight, left));
        }
        self.flights.push(flight);
        Ok(())
    }

    /// Shows what is durable now: to the tail cache, to readers, to producers, then to those who wait for more.
    fn publish(&mut self, flight: Flight) {
        let Flight { plan, chunks, started, durable } = flight;
        let took = self.runtime.clock.instant() - started;
        self.metrics.commit_seconds.observe(took.as_secs_f64());
        if durable.is_some() {
            self.flights.observe(took);
        }
        if !plan.published.is_empty() {
            self.incarnation.note_records();
        }
        let reads = self.incarnation.source.reads();
        for partition in &plan.published {
            let id = partition.state.id();
            // A partition that was deleted meanwhile has left the cache for good.
            let batches = if partition.state.has_ended() { &[] } else { partition.batches.as_slice() };
            for batch in batches {
                reads.tail().insert(id, batch.base_offset, batch.last_offset, batch.place.of(&chunks));
            }
            partition.show();
            self.metrics.high_watermark.add(partition.records);
            self.metrics.appended_records.inc_by(partition.records.unsigned_abs());
            self.metrics.appended_bytes.inc_by(partition.bytes);
            self.metrics.appended_batches.inc_by(partition.batches.len() as u64);
        }
        for outcome in plan.outcomes {
            outcome.send();
        }
        for partition in &plan.published {
            reads.waiters().wake(partition.state.id());
        }
        self.note_progress();
    }
}

/// Loads a partition, as often as needed: what waits for it is bounded by its callers' patience. An index that was damaged
/// is not read again.
async fn load(
    incarnation: Arc<Incarnation>,
    runtime: Runtime,
    partition: Partition,
) -> (Partition, Result<Option<Writer>, PartitionError>) {
    loop {
        match incarnation.take_writer(partition).await {
            Err(PartitionError::Index(error)) if error.kind() != ErrorKind::Data => {
                tracing::warn!(%partition, %error, "partition not loaded yet");
                tokio::select! {
                    biased;
                    () = runtime.clock.sleep(LOAD_RETRY) => {}
                    () = incarnation.ended.requested() => return (partition, Ok(None)),
                }
            }
            outcome => return (partition, outcome),
        }
    }
}
