//! Background tasks: every one has a kind, and the kind says what its failure means.
#![expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::Shutdown;

/// The kind of a background task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Accepts connections of one listener.
    Listener,
    /// Reads, or writes, one client connection.
    Connection,
    /// Keeps one connection between brokers, or answers one call that came over it.
    Peer,
    /// Answers one HTTP connection of the operations port.
    Http,
    /// Commits one shard's appends to the object store.
    ShardCommit,
    /// Uploads one shard's segments.
    SegmentUpload,
    /// Opens, watches and reopens one shard.
    ShardSupervisor,
    /// Drives one request past its admission.
    Request,
    /// Reads ahead of a consumer.
    ReadAhead,
    /// Deletes what nothing refers to.
    Deletion,
    /// Runs the Raft group and applies its log.
    Raft,
    /// Observes the cluster and proposes assignments.
    Controller,
    /// Lets the timers of one shard's groups run out.
    Coordinator,
    /// Reports, refreshes or expires something from time to time.
    Periodic,
}

/// The consequence of a task's panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnPanic {
    /// The rest goes on: the damage is limited to what the task served.
    Contain,
    /// The process stops: going on without the task would look alive and not be.
    Stop,
}

impl TaskKind {
    fn on_panic(self) -> OnPanic {
        match self {
            TaskKind::Connection
            | TaskKind::Peer
            | TaskKind::Http
            | TaskKind::Request
            | TaskKind::ReadAhead
            | TaskKind::Deletion
            | TaskKind::Periodic => OnPanic::Contain,
            TaskKind::Listener
            | TaskKind::ShardCommit
            | TaskKind::SegmentUpload
            | TaskKind::ShardSupervisor
            | TaskKind::Raft
            | TaskKind::Controller
            | TaskKind::Coordinator => OnPanic::Stop,
        }
    }
}

/// Starts tasks and waits for them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: Shutdown,
    failure: Arc<Mutex<Option<String>>>,
}

impl Tasks {
    pub(super) fn new(shutdown: Shutdown) -> Tasks {
        Tasks { tracker: TaskTracker::new(), shutdown, failure: Arc::default() }
    }

    /// Starts `future`. It must end by itself soon after its component's shutdown is requested.
    pub fn spawn<F>(&self, kind: TaskKind, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        // An async block would keep room for the future twice.
        self.tracker.spawn(AssertUnwindSafe(future).catch_unwind().map(move |ended| {
            if ended.is_err() {
                tasks.panicked(kind);
            }
        }))
    }

    /// Runs `work`, which may block its thread, beside the asynchronous tasks.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        tokio::task::spawn_blocking(work).await
    }

    /// Waits until every task has ended, at most `limit`. True if all have.
    pub async fn join(&self, limit: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait()).await.is_ok()
    }

    /// Number of tasks that have not ended.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }

    /// Stops the process because of `reason`: shutdown is requested, and the reason becomes its exit message.
    pub fn fail(&self, reason: String) {
        self.failure.lock().get_or_insert(reason);
        self.shutdown.request();
    }

    /// Why the process stops, if it is for a failure.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    fn panicked(&self, kind: TaskKind) {
        tracing::error!(?kind, "background task panicked");
        if kind.on_panic() == OnPanic::Stop {
            self.fail(format!("background task {kind:?} panicked"));
        }
    }
}
