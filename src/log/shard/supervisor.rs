//! Opens a shard, watches it, closes what ended, and opens it again while this broker owns it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use slatedb::config::CloseOptions;
use slatedb::{CloseReason, Db, DbReadOps, ErrorKind};
use tokio::sync::oneshot;

use super::open::Open;
use crate::log::commit::{CommitTask, Ended, Queue};
use crate::log::garbage::Collector;
use crate::log::incarnation::Incarnation;
use crate::log::partition::loading;
use crate::log::read::source::Source;
use crate::log::retention::{self, Keeper};
use crate::log::shard::handle::{Inner, Shared, State};
use crate::log::shard::standing::{self, Standing};
use crate::log::stored::damage::Damage;
use crate::log::stored::error::{OpenError, PartitionError};
use crate::log::stored::keys::{Served, Tag};
use crate::log::wal::fence::Depth;
use crate::log::wal::{Failure, Init, Inspection, LogStore, Wal};
use crate::runtime::TaskKind;
use crate::runtime::clock::Instant;
use crate::store::database::{Maintenance, Role};
use crate::types::WriterEpoch;

/// The time between two looks at whether an idle database still lives.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
const FIRST_REOPEN: Duration = Duration::from_millis(50);
const MOST_REOPEN: Duration = Duration::from_secs(5);
/// A shard that was damaged is looked at this often: somebody may put back what is missing.
const DAMAGED_REOPEN: Duration = Duration::from_secs(10);
/// Time for closing a database that can no longer write.
const ABANDON_TIMEOUT: Duration = Duration::from_secs(5);

/// An open incarnation with the tasks that belong to it.
pub(in crate::log) struct Running {
    open: Open,
    maintenance: Maintenance,
    keeper: retention::Running,
    /// Why the commit task ended; dropped if it panicked, and taken once it was told.
    ended: Option<oneshot::Receiver<Ended>>,
}

impl Running {
    pub fn open(&self) -> Open {
        self.open.clone()
    }

    /// Returns once the commit task has ended: true if all that it took is durable.
    async fn committed(&mut self) -> bool {
        let Some(ended) = &mut self.ended else { return false };
        let finished = ended.await.is_ok_and(|ended| ended == Ended::Closed);
        self.ended = None;
        finished
    }
}

/// Opens the shard: reads the writer epoch, has the ownership confirmed, then takes the next epoch, in this order only.
pub(in crate::log) async fn open(inner: &Arc<Inner>) -> Result<Running, OpenError> {
    let (time, clock) = (&inner.options.opening_time, &inner.shared.runtime.clock);
    let (begun, limit) = (clock.instant(), time.limit());
    let opened = clock.timeout(limit, open_database(inner, begun + limit)).await;
    let opened = opened.unwrap_or(Err(OpenError::TimedOut(limit)));
    time.note(opened.as_ref().err(), clock.instant() - begun);
    let (db, wal, found) = opened?;
    let running = start(inner, db, wal);
    for (key, value) in inner.settings.compare_topics(found.topics) {
        // Should it end at once, the next one looks again.
        let _ = running.open.keep(key, value);
    }
    Ok(running)
}

/// The rows that an opening reads of the index.
struct Found {
    /// The metadata that the shard served under, if it keeps any.
    served: Option<Served>,
    /// The rows of topics.
    topics: Vec<(Bytes, Bytes)>,
}

impl Found {
    async fn read(db: &(impl DbReadOps + Sync)) -> Result<Found, PartitionError> {
        let (served, topics) = futures::try_join!(standing::read(db), loading::rows(db, Tag::Topic))?;
        Ok(Found { served, topics })
    }
}

async fn open_database(inner: &Arc<Inner>, deadline: Instant) -> Result<(Db, Wal, Found), OpenError> {
    let databases = &inner.shared.databases;
    let path = inner.paths.index().clone();
    let stored = databases.stored_manifest(&path).await.map_err(|error| manifest_error(inner, &error))?;
    let epoch = stored.as_ref().map_or(WriterEpoch::NONE, |manifest| WriterEpoch(manifest.writer_epoch()));
    read_ahead(inner, epoch, deadline);
    let inspection = inspection(inner, deadline);
    // A shard that was found damaged once is looked at whole, before anything is written to it again.
    let depth = if inner.is_doubted() { Depth::All } else { Depth::End };
    let (confirmed, inspected) =
        tokio::join!((inner.options.confirm_owner)(inner.options.id), inspection.run(stored, depth));
    let standing = confirmed.map_err(OpenError::Store)?;
    if !standing.is_owner {
        return Err(OpenError::NotOwner);
    }
    inspected.map_err(inspection_error)?;
    judge(inner, &standing, epoch).await?;
    if epoch > WriterEpoch::NONE && inner.is_doubted() {
        look_into_index(inner, epoch).await?;
    }
    let limits = &inner.options.limits;
    let runtime = &inner.shared.runtime;
    let (opened, damage) = (Arc::new(OnceLock::new()), Arc::new(OnceLock::new()));
    let init = Init {
        store: inspection.store.clone(),
        databases: databases.clone(),
        width: limits.window,
        flush_after: limits.flush_every_segments.saturating_mul(4).max(4),
        deadline: inspection.deadline,
        runtime: runtime.clone(),
        metrics: Arc::clone(&inner.metrics),
        clock: Arc::clone(databases.clock()),
        opened: Arc::clone(&opened),
        damage: Arc::clone(&damage),
    };
    let db = databases
        .builder(path, Role::ShardIndex)
        .with_wal_writer(Box::new(init))
        .with_expected_epoch(epoch.0)
        .build()
        .await
        .map_err(|error| match damage.get() {
            Some(damage) => OpenError::Damaged(damage.clone()),
            None => open_error(inner, &error),
        })?;
    let found = match judge_index(inner, &standing, &db).await {
        Ok(found) => found,
        Err(error) => {
            // Nothing was written that another opening would not write, and nothing is served.
            let closing = db.close_with_options(CloseOptions { flush_type: None });
            let _ = runtime.clock.timeout(ABANDON_TIMEOUT, closing).await;
            return Err(error);
        }
    };
    // A shard that is new has nothing of another metadata.
    inner.note_knows_metadata(found.served.is_some() || epoch == WriterEpoch::NONE);
    inner.trust();
    let wal = opened.get().cloned().ok_or_else(|| OpenError::Store("the log was not opened".into()))?;
    Ok((db, wal, found))
}

/// Has the cache learn what an opening needs of an index that is there, while the log is looked at and fenced. Whatever goes wrong
/// is seen by the opening itself.
fn read_ahead(inner: &Arc<Inner>, epoch: WriterEpoch, deadline: Instant) {
    if epoch == WriterEpoch::NONE {
        return;
    }
    let Shared { runtime, databases, .. } = inner.shared.clone();
    let (index, clock) = (inner.paths.index().clone(), runtime.clock.clone());
    runtime.tasks.spawn(TaskKind::ReadAhead, async move {
        let read = async {
            let Ok(reader) = databases.read_ahead(index, Role::ShardIndex).await else { return };
            let _ = Found::read(&reader).await;
            let _ = reader.close().await;
        };
        let _ = clock.timeout_at(deadline, read).await;
    });
}

/// Reads what an opening needs of the index before anything is written.
async fn look_into_index(inner: &Inner, epoch: WriterEpoch) -> Result<(), OpenError> {
    let reader = inner.shared.databases.reader(inner.paths.index().clone(), Role::ShardIndex).await;
    let reader = reader.map_err(|error| open_error(inner, &error))?;
    let found = Found::read(&reader).await;
    if let Err(error) = reader.close().await {
        tracing::debug!(shard = %inner.options.id, %error, "the reader did not close cleanly");
    }
    match found {
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(inner, epoch, &error).await),
    }
}

/// Reads what is needed of an index that was opened, and compares it with the metadata.
async fn judge_index(inner: &Inner, standing: &Standing, db: &Db) -> Result<Found, OpenError> {
    let found = match Found::read(db).await {
        Ok(found) => found,
        Err(error) => return Err(unreadable(inner, WriterEpoch(db.manifest().writer_epoch()), &error).await),
    };
    if let Some(served) = &found.served {
        standing.judge_served(served, &inner.paths)?;
    }
    Ok(found)
}

/// Why rows of the index were not read. A newer owner may have replaced the tables that they were in since `epoch`.
async fn unreadable(inner: &Inner, epoch: WriterEpoch, error: &PartitionError) -> OpenError {
    let damage = match error {
        PartitionError::Index(error) => match open_error(inner, error) {
            OpenError::Damaged(damage) => damage,
            other => return other,
        },
        PartitionError::Malformed(_) => Damage::new(inner.paths.index(), format!("is damaged: {error}")),
        PartitionError::NotOpen(_) | PartitionError::Unknown(_) => {
            return OpenError::Store(error.to_string());
        }
    };
    match inner.shared.databases.stored_manifest(inner.paths.index()).await {
        Ok(Some(manifest)) if WriterEpoch(manifest.writer_epoch()) != epoch => OpenError::Fenced,
        Ok(_) => OpenError::Damaged(damage),
        Err(error) => manifest_error(inner, &error),
    }
}

/// Refuses what the metadata knows better. A newer owner may have opened the shard since its epoch was read.
async fn judge(inner: &Inner, standing: &Standing, stored: WriterEpoch) -> Result<(), OpenError> {
    if let Some(damage) = &standing.damage {
        return Err(OpenError::Damaged(damage.clone()));
    }
    let Err(damage) = standing.judge_epoch(stored, &inner.paths) else { return Ok(()) };
    let now = inner.shared.databases.stored_manifest(inner.paths.index()).await;
    let now = now.map_err(|error| manifest_error(inner, &error))?;
    match now.map_or(WriterEpoch::NONE, |manifest| WriterEpoch(manifest.writer_epoch())) == stored {
        true => Err(OpenError::Damaged(damage)),
        false => Err(OpenError::Fenced),
    }
}

fn inspection(inner: &Inner, deadline: Instant) -> Inspection {
    let runtime = inner.shared.runtime.clone();
    Inspection {
        store: LogStore::new(&inner.store, &inner.paths),
        databases: inner.shared.databases.clone(),
        window: inner.options.limits.window,
        deadline,
        runtime,
    }
}

fn inspection_error(failure: Failure) -> OpenError {
    match failure {
        Failure::Damaged(damage) => OpenError::Damaged(damage),
        Failure::Fenced => OpenError::Fenced,
        Failure::Store(error) => OpenError::Store(error.to_string()),
        Failure::Manifest(error) => OpenError::Store(error.to_string()),
    }
}

/// Starts the tasks of an open database.
fn start(inner: &Arc<Inner>, db: Db, wal: Wal) -> Running {
    let runtime = inner.shared.runtime.clone();
    let limits = inner.options.limits;
    let maintenance = inner.shared.databases.maintain(&db, inner.paths.index(), Role::ShardIndex);
    let (queue, requests) = Queue::new();
    let (paths, reads) = (inner.paths.clone(), inner.shared.reads.clone());
    let fetched = inner.metrics.fetched_bytes.clone();
    let source = Source::new(inner.options.id, Arc::new(db.clone()), paths, reads, fetched);
    let (handle, passes) = retention::Handle::new();
    let (metrics, settings) = (Arc::clone(&inner.metrics), Arc::clone(&inner.settings));
    let incarnation = Incarnation::new(db, wal, source, metrics, settings, runtime.clock.clone());
    let incarnation = Arc::new(incarnation);
    let keeper = keeper(inner, &incarnation, queue.clone(), handle.clone()).start(passes);
    let open = Open::new(Arc::clone(&incarnation), queue, handle);
    let committer = CommitTask::new(
        Arc::clone(&incarnation),
        limits,
        runtime.clone(),
        Arc::clone(&inner.metrics),
        requests,
    );
    let (sender, ended) = oneshot::channel();
    runtime.tasks.spawn(TaskKind::ShardCommit, async move {
        let _ = sender.send(committer.run().await);
    });
    tracing::info!(shard = %inner.options.id, epoch = %incarnation.epoch, "shard open");
    Running { open, maintenance, keeper, ended: Some(ended) }
}

fn keeper(inner: &Inner, incarnation: &Arc<Incarnation>, queue: Queue, handle: retention::Handle) -> Keeper {
    let log = LogStore::new(&inner.store, &inner.paths);
    let collector = Collector::new(log, inner.shared.databases.clone(), incarnation.epoch);
    let metrics = inner.shared.metrics.retention().shard(inner.options.id);
    let interval = inner.options.limits.retention_check_interval;
    let runtime = inner.shared.runtime.clone();
    Keeper::new(Arc::clone(incarnation), queue, handle, collector, runtime, interval, metrics)
}

/// Watches `running`; when it ends, closes it and opens the shard again, until it is told to stop or not the owner.
pub(in crate::log) async fn supervise(inner: Arc<Inner>, mut running: Running) {
    loop {
        let finished = watch(&inner, &mut running).await;
        let stopping = inner.stop.is_requested();
        inner.set_state(if stopping { State::Closed } else { State::Opening(None) });
        close(&inner, running, finished).await;
        if stopping {
            tracing::info!(shard = %inner.options.id, "shard closed");
            return;
        }
        match reopen(&inner).await {
            Some(opened) => running = opened,
            None => return,
        }
        inner.set_state(State::Open(running.open()));
        if inner.stop.is_requested() {
            continue;
        }
    }
}

/// Returns when the incarnation is over: true if all that it took is durable.
async fn watch(inner: &Inner, running: &mut Running) -> bool {
    let open = running.open();
    tokio::select! {
        biased;
        finished = running.committed() => return finished,
        () = closed(inner, open.incarnation()) => return false,
        () = inner.stop.requested() => {}
    }
    inner.set_state(State::Closed);
    open.incarnation().end_reading();
    let _ = open.begin_closing();
    let limit = inner.options.limits.close_timeout;
    match inner.shared.runtime.clock.timeout(limit, running.committed()).await {
        Ok(finished) => finished,
        Err(_) => {
            tracing::warn!(shard = %inner.options.id, "closing without what is not durable yet");
            false
        }
    }
}

/// Returns once the database is closed, by whatever.
async fn closed(inner: &Inner, incarnation: &Incarnation) {
    let runtime = &inner.shared.runtime;
    let status = incarnation.db.subscribe();
    loop {
        if status.borrow().close_reason.is_some() {
            return;
        }
        read_back_replay_point(inner, incarnation).await;
        tokio::select! {
            biased;
            () = runtime.clock.sleep(WATCH_INTERVAL) => {}
            () = incarnation.wal.failed() => return,
        }
    }
}

/// Once the database says that its index needs less of the log, the stored manifest is asked whether that is stored: only
/// that may stand in the segments to come.
async fn read_back_replay_point(inner: &Inner, incarnation: &Incarnation) {
    let known = incarnation.wal.stored_replay_after();
    if incarnation.db.manifest().replay_after_wal_id() <= known {
        return;
    }
    let reading = inner.shared.databases.stored_manifest(inner.paths.index());
    // A store that does not answer is asked again by the next look.
    if let Ok(Ok(Some(manifest))) = inner.shared.runtime.clock.timeout(WATCH_INTERVAL, reading).await
        && WriterEpoch(manifest.writer_epoch()) == incarnation.epoch
    {
        incarnation.wal.note_stored_replay_after(manifest.replay_after_wal_id());
    }
}

/// Ends the incarnation and closes its database; `finished` if there is nothing that must not become durable any more.
async fn close(inner: &Inner, mut running: Running, finished: bool) {
    let clock = &inner.shared.runtime.clock;
    if !finished {
        running.open.incarnation().end();
        running.committed().await;
    }
    let Running { open, maintenance, keeper, .. } = running;
    let incarnation = open.incarnation();
    keeper.stop().await;
    maintenance.stop().await;
    let options = if finished { CloseOptions::default() } else { CloseOptions { flush_type: None } };
    let limit = if finished { inner.options.limits.close_timeout } else { ABANDON_TIMEOUT };
    match clock.timeout(limit, incarnation.db.close_with_options(options)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(shard = %inner.options.id, %error, "index closed with an error"),
        Err(_) => tracing::warn!(shard = %inner.options.id, "index not closed in time"),
    }
    incarnation.end();
    inner.shared.metrics.rest(inner.options.id);
}

/// Opens the shard again. `None` if that is not to be.
async fn reopen(inner: &Arc<Inner>) -> Option<Running> {
    let mut pause = FIRST_REOPEN;
    loop {
        let error = match open(inner).await {
            Ok(running) => return Some(running),
            Err(error) => error,
        };
        match error {
            OpenError::NotOwner => {
                tracing::warn!(shard = %inner.options.id, %error, "shard not opened again");
                inner.set_state(State::Failed(error.to_string().into()));
                return None;
            }
            OpenError::Damaged(damage) => {
                if inner.doubt(damage.clone()) {
                    tracing::error!(shard = %inner.options.id, %damage, "{}", Damage::ADVICE);
                }
                inner.set_state(State::Opening(Some(damage.to_string().into())));
                pause = DAMAGED_REOPEN;
            }
            OpenError::Fenced | OpenError::Store(_) | OpenError::TimedOut(_) => {
                tracing::debug!(shard = %inner.options.id, %error, "shard not open yet");
                inner.set_state(State::Opening(Some(error.to_string().into())));
            }
        }
        tokio::select! {
            biased;
            () = inner.shared.runtime.clock.sleep(pause) => pause = (pause * 2).min(MOST_REOPEN.max(pause)),
            () = inner.stop.requested() => {
                inner.set_state(State::Closed);
                return None;
            }
        }
    }
}

/// A manifest that is there and cannot be read. An owner that is at work cannot be the cause.
fn manifest_error(inner: &Inner, error: &slatedb::Error) -> OpenError {
    let folder = inner.paths.index().clone().join("manifest");
    let damage = Damage::of_index(error, &folder, "has a newest manifest that is damaged");
    damage.map_or_else(|| OpenError::Store(error.to_string()), OpenError::Damaged)
}

fn open_error(inner: &Inner, error: &slatedb::Error) -> OpenError {
    let index = inner.paths.index();
    match (error.kind(), Damage::of_index(error, index, "is damaged")) {
        (ErrorKind::Closed(CloseReason::Fenced), _) => OpenError::Fenced,
        // Somebody else made the database at the same moment. The database counts that among its data errors.
        (ErrorKind::Data, _) if error.to_string().contains("version already exists") => OpenError::Fenced,
        // An opening does more than reading: not every error inside of it is one of stored bytes.
        (ErrorKind::Internal, Some(damage)) if damage.object == index.as_ref() => {
            OpenError::Store(error.to_string())
        }
        (_, Some(damage)) => OpenError::Damaged(damage),
        (_, None) => OpenError::Store(error.to_string()),
    }
}
