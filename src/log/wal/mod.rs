//! SlateDB's write-ahead log, made of the shard's segments.
//! It knows nothing of partitions: rows come from the database, the payload from the commit task.
//! Entry point: [`Init`], given to the database's builder; [`Wal`], what the commit task stages payloads with.
//! Invariant: a segment counts as flushed only when it and all before it are in the store, and the log fails only when
//! a newer owner has fenced it.

pub mod fence;
mod init;
mod inspect;
mod patience;
pub mod replay;
mod salvage;
mod takeover;
mod upload;
pub mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::FutureExt as _;
use object_store::ObjectStore;
use parking_lot::Mutex;
use slatedb::RowEntry;
use slatedb::wal::{
    WalError, WalEvent, WalFlushResult, WalObserver, WalStatus, WalStatusListener, WalWriter,
};
use tokio::sync::oneshot;

use crate::log::stored::metrics::ShardMetrics;
use crate::log::stored::paths::ShardPaths;
use crate::log::stored::segment::{Kind, Origin, Payload, Segment};
use crate::runtime::clock::Instant;
use crate::runtime::{Runtime, Shutdown, TaskKind};
use crate::store::{Room, Store};
use crate::types::WriterEpoch;
use patience::Pace;
use upload::Upload;
use window::Window;

pub use init::Init;
pub(super) use inspect::Inspection;
pub(super) use salvage::{Found, Salvage};
pub(super) use takeover::Failure;

/// The log of a shard in the store.
#[derive(Clone)]
pub struct LogStore {
    pub objects: Arc<dyn ObjectStore>,
    pub paths: ShardPaths,
    pub room: Room,
}

impl LogStore {
    pub fn new(store: &Store, paths: &ShardPaths) -> LogStore {
        LogStore { objects: store.object_store(), paths: paths.clone(), room: store.room().clone() }
    }
}

/// The commit task's part of one write, beside the rows.
#[derive(Debug, Default)]
pub struct Staged {
    pub payload: Payload,
    /// True if the index should be flushed after this write.
    pub flush_index: bool,
    /// Told once the segment and all before it are durable; dropped if that is not to be.
    pub durable: Option<oneshot::Sender<()>>,
}

/// The log of one incarnation. Cheap to clone.
#[derive(Clone)]
pub struct Wal(Arc<Shared>);

struct Shared {
    store: LogStore,
    epoch: WriterEpoch,
    width: u16,
    /// As a last resort, the index is flushed after so many segments.
    flush_after: u64,
    runtime: Runtime,
    metrics: Arc<ShardMetrics>,
    pace: Pace,
    /// Ends the uploads.
    stop: Shutdown,
    flush_index: AtomicBool,
    state: Mutex<State>,
    /// Held while listeners are called, so that they see statuses in order.
    notifying: Mutex<()>,
}

struct State {
    window: Window,
    staged: Option<Staged>,
    /// Segments that wait for the window, in order of ids.
    waiting: std::collections::VecDeque<Upload>,
    /// Told when their segment is durable, by ascending id.
    waiters: Vec<(u64, Waiter)>,
    listeners: Vec<WalStatusListener>,
    closed: Option<WalError>,
    unflushed_bytes: usize,
    unflushed_rows: usize,
    /// Start of the last PUT that proved our ownership.
    confirmed: Instant,
    /// Why a PUT failed, until one lands.
    last_failure: Option<Arc<str>>,
    /// The replay point as it was last read back from the stored manifest: what the database says may not be stored yet.
    replay_after: u64,
}

enum Waiter {
    Flush(oneshot::Sender<Result<(), WalError>>),
    Commit(oneshot::Sender<()>),
}

impl Wal {
    /// The id that the next segment will have, for the rows that point into it.
    pub fn next_id(&self) -> u64 {
        self.0.state.lock().window.next()
    }

    /// The last segment up to which all are durable, or our fence.
    pub fn durable_id(&self) -> u64 {
        self.0.state.lock().window.flushed()
    }

    /// True if a segment written now would be uploaded at once.
    pub fn has_room(&self) -> bool {
        self.0.state.lock().window.has_room()
    }

    /// Sets aside what goes into the segment of the next write. The caller is the only writer of the database.
    pub fn stage(&self, staged: Staged) {
        self.0.state.lock().staged = Some(staged);
    }

    /// When ownership was last proved by a durable object.
    pub fn confirmed(&self) -> Instant {
        self.0.state.lock().confirmed
    }

    /// Since when only what deletes should be written.
    pub fn full_since(&self) -> Option<Instant> {
        self.0.store.room.full_since()
    }

    /// Why a segment was not stored, if none was since.
    pub fn last_failure(&self) -> Option<Arc<str>> {
        self.0.state.lock().last_failure.clone()
    }

    /// The replay point as it was last read back.
    pub fn stored_replay_after(&self) -> u64 {
        self.0.state.lock().replay_after
    }

    /// The replay point that the newest durable segment says: no later index will be taken for the newest one without it.
    pub fn said_replay_after(&self) -> u64 {
        self.0.state.lock().window.said_replay_after()
    }

    /// Notes the replay point of a stored manifest of this incarnation: segments to come say it.
    pub fn note_stored_replay_after(&self, replay_after: u64) {
        let mut state = self.0.state.lock();
        state.replay_after = state.replay_after.max(replay_after);
    }

    /// Returns once the log is closed, for whatever reason.
    pub async fn failed(&self) {
        self.0.stop.requested().await;
    }

    /// Ends the uploads, whatever becomes of them.
    pub fn abandon(&self) {
        self.0.fail(WalError::Closed);
    }
}

impl Shared {
    fn status(state: &State) -> WalStatus {
        WalStatus {
            closed_reason: state.closed.clone(),
            estimated_bytes: state.unflushed_bytes,
            last_flushed_wal_id: state.window.flushed(),
            last_flushed_seq: state.window.flushed_seq(),
            buffered_wal_entries_count: state.unflushed_rows,
        }
    }

    /// The next segment's word on itself and on those before it.
    fn next_origin(&self, state: &State) -> Origin {
        Origin {
            shard: self.store.paths.shard(),
            id: state.window.next(),
            taken_to: state.window.taken_to(),
            durable_id: state.window.flushed(),
            durable_nonce: state.window.flushed_nonce(),
            replay_after: state.replay_after,
        }
    }

    fn checked_status(&self) -> Result<WalStatus, WalStatus> {
        let status = Shared::status(&self.state.lock());
        if status.closed_reason.is_none() { Ok(status) } else { Err(status) }
    }

    /// Makes a segment of `rows` and of what is staged, and starts its upload if the window allows.
    fn append(self: &Arc<Self>, rows: &[RowEntry]) -> Result<(), WalError> {
        let Some(last) = rows.last() else { return Ok(()) };
        let (staged, origin) = {
            let mut state = self.state.lock();
            match &state.closed {
                Some(reason) => return Err(reason.clone()),
                // Nobody else appends, so the id stays the next one.
                None => (state.staged.take().unwrap_or_default(), self.next_origin(&state)),
            }
        };
        let segment = Segment {
            kind: Kind::Data,
            window: self.width,
            epoch: self.epoch,
            nonce: self.runtime.rng.u128(),
            origin,
        };
        let payload_len = staged.payload.len;
        let chunks = segment
            .encode(rows, staged.payload)
            .map_err(|malformed| WalError::InternalError(Arc::new(malformed)))?;
        let bytes = rows.iter().map(|row| row.key.len() + row.value.len()).sum();
        if staged.flush_index {
            self.flush_index.store(true, Ordering::Release);
        }
        self.metrics.segment_bytes.observe(payload_len as f64);
        let mut state = self.state.lock();
        if let Some(reason) = &state.closed {
            return Err(reason.clone());
        }
        let id = state.window.take(last.seq, segment.nonce, origin.replay_after);
        state.unflushed_bytes += bytes;
        state.unflushed_rows += rows.len();
        state.waiters.extend(staged.durable.map(|durable| (id, Waiter::Commit(durable))));
        let upload = Upload { id, nonce: segment.nonce, chunks, row_bytes: bytes, rows: rows.len() };
        state.waiting.push_back(upload);
        self.start_waiting(&mut state);
        Ok(())
    }

    /// Starts the uploads that the window allows.
    fn start_waiting(self: &Arc<Self>, state: &mut State) {
        while state.waiting.front().is_some_and(|upload| state.window.may_start(upload.id)) {
            if let Some(upload) = state.waiting.pop_front() {
                self.runtime.tasks.spawn(TaskKind::SegmentUpload, Arc::clone(self).upload(upload));
            }
        }
    }

    /// Notes that a segment is in the store, and tells everybody who waits for that.
    fn landed(self: &Arc<Self>, id: u64, started: Instant, row_bytes: usize, rows: usize) {
        let order = self.notifying.lock();
        let (status, listeners, woken) = {
            let mut state = self.state.lock();
            state.unflushed_bytes -= row_bytes;
            state.unflushed_rows -= rows;
            state.confirmed = state.confirmed.max(started);
            state.last_failure = None;
            if !state.window.landed(id) || state.closed.is_some() {
                return;
            }
            self.start_waiting(&mut state);
            let flushed = state.window.flushed();
            let still = state.waiters.partition_point(|(id, _)| *id <= flushed);
            let woken: Vec<(u64, Waiter)> = state.waiters.drain(..still).collect();
            (Shared::status(&state), state.listeners.clone(), woken)
        };
        for listener in listeners {
            listener(WalEvent::WalFlushed(status.clone()));
        }
        drop(order);
        for (_, waiter) in woken {
            // Whoever stopped waiting does not need to know.
            match waiter {
                Waiter::Flush(sender) => drop(sender.send(Ok(()))),
                Waiter::Commit(sender) => drop(sender.send(())),
            }
        }
    }

    /// Ends the log for good.
    fn fail(&self, reason: WalError) {
        self.stop.request();
        let order = self.notifying.lock();
        let (status, listeners, waiters) = {
            let mut state = self.state.lock();
            if state.closed.is_some() {
                return;
            }
            state.closed = Some(reason.clone());
            state.waiting.clear();
            state.staged = None;
            (Shared::status(&state), state.listeners.clone(), std::mem::take(&mut state.waiters))
        };
        for listener in listeners {
            listener(WalEvent::WalClosed(status.clone()));
        }
        drop(order);
        for (_, waiter) in waiters {
            if let Waiter::Flush(sender) = waiter {
                let _ = sender.send(Err(reason.clone()));
            }
        }
    }
}

/// The writing side, owned by the database.
struct Writer(Arc<Shared>);

#[async_trait]
impl WalWriter for Writer {
    async fn append(&mut self, rows: &[RowEntry]) -> Result<(), WalError> {
        self.0.append(rows)
    }

    /// Every append is a file of its own and on its way already; there is only waiting to do.
    async fn flush(&mut self) -> Result<WalFlushResult, WalError> {
        let mut state = self.0.state.lock();
        if let Some(reason) = &state.closed {
            return Err(reason.clone());
        }
        let wal_id = state.window.last_taken();
        if wal_id <= state.window.flushed() {
            return Ok(WalFlushResult { wal_id, completion: futures::future::ready(Ok(())).boxed() });
        }
        let (sender, receiver) = oneshot::channel();
        state.waiters.push((wal_id, Waiter::Flush(sender)));
        let completion = receiver.map(|outcome| outcome.unwrap_or(Err(WalError::Closed))).boxed();
        Ok(WalFlushResult { wal_id, completion })
    }

    fn should_flush_memtable(&self, replay_after_wal_id: u64) -> bool {
        if self.0.flush_index.swap(false, Ordering::AcqRel) {
            return true;
        }
        let flushed = self.0.state.lock().window.flushed();
        flushed.saturating_sub(replay_after_wal_id) >= self.0.flush_after
    }

    fn observer(&self) -> Box<dyn WalObserver> {
        Box::new(Observer(Arc::clone(&self.0)))
    }

    fn status(&self) -> Result<WalStatus, WalStatus> {
        self.0.checked_status()
    }

    async fn close(&mut self) -> Result<(), WalError> {
        self.0.fail(WalError::Closed);
        Ok(())
    }
}

/// The watching side, owned by the database.
struct Observer(Arc<Shared>);

#[async_trait]
impl WalObserver for Observer {
    fn status(&self) -> Result<WalStatus, WalStatus> {
        self.0.checked_status()
    }

    fn subscribe(&self, listener: WalStatusListener) -> Result<(), WalError> {
        let mut state = self.0.state.lock();
        match &state.closed {
            Some(reason) => Err(reason.clone()),
            None => {
                state.listeners.push(listener);
                Ok(())
            }
        }
    }
}
