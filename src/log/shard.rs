//! The handle of one shard.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::append::{Append, Appended, Ticket};
use super::error::{AppendError, NotOpen, OpenError, PartitionError};
use super::partition::{PartitionLog, PartitionSettings};
use super::reads::Reads;
use crate::runtime::Runtime;
use crate::store::Store;
use crate::store::database::Databases;
use crate::types::{Partition, ShardId};

/// Asks, linearizably, whether this broker still owns the shard. An error means that nobody could say.
pub type ConfirmOwner = Arc<dyn Fn(ShardId) -> BoxFuture<'static, Result<bool, String>> + Send + Sync>;

/// What a shard is and may use.
#[derive(Clone)]
pub struct ShardOptions {
    pub id: ShardId,
    /// Asked after the writer epoch was read and before it is taken.
    pub confirm_owner: ConfirmOwner,
    pub limits: Limits,
}

/// Sizes and times of a shard.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Greatest length of a segment's payload, in bytes. A batch that is larger alone is refused.
    pub segment_max_bytes: usize,
    /// Least time between the starts of two commits.
    pub commit_interval: Duration,
    /// The index is flushed after this many segments, so that opening need not replay more.
    pub flush_every_segments: u64,
    /// The index is flushed this long after the first segment that it misses.
    pub flush_interval: Duration,
    /// A producer that was silent for so long is forgotten (`producer.id.expiration.ms`).
    pub producer_expiration: Duration,
    /// Time for opening, retries included.
    pub open_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            segment_max_bytes: 8 * 1024 * 1024,
            commit_interval: Duration::ZERO,
            flush_every_segments: 512,
            flush_interval: Duration::from_secs(60),
            producer_expiration: Duration::from_secs(24 * 3600),
            open_timeout: Duration::from_secs(30),
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
}

/// Whether a shard serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardState {
    /// It is being opened, for the first time or again.
    Opening,
    Open,
    /// It is not open, and will not be opened again unless told to: another owner has it, or stored data is malformed.
    Failed,
    /// It was closed on purpose.
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

struct Inner {
    options: ShardOptions,
    settings: Mutex<HashMap<Partition, PartitionSettings>>,
}

impl Shard {
    /// Takes the shard over: fences the previous owner, replays what the index misses, and serves.
    pub async fn open(options: ShardOptions, _store: Store, _shared: Shared) -> Result<Shard, OpenError> {
        Ok(Shard(Arc::new(Inner { options, settings: Mutex::default() })))
    }

    pub fn id(&self) -> ShardId {
        self.0.options.id
    }

    /// Queues a batch. Never blocks; the ticket resolves once the batch is durable, or refused on durable grounds.
    pub fn append(&self, append: Append) -> Result<Ticket<Appended>, AppendError> {
        if !self.0.settings.lock().contains_key(&append.partition) {
            return Err(AppendError::UnknownPartition);
        }
        Err(NotOpen.into())
    }

    /// A partition's state for reading, loaded when first asked for.
    pub fn partition(
        &self,
        partition: Partition,
    ) -> impl Future<Output = Result<Arc<PartitionLog>, PartitionError>> + Send + use<> {
        let known = self.0.settings.lock().contains_key(&partition);
        async move { if known { Err(NotOpen.into()) } else { Err(PartitionError::Unknown(partition)) } }
    }

    /// Makes `before` the partition's log start, unless it is further already. Returns the log start once it is durable.
    pub async fn delete_records(&self, _partition: Partition, _before: i64) -> Result<i64, AppendError> {
        Err(NotOpen.into())
    }

    /// Removes all rows of `partitions`, which are deleted for good.
    pub async fn remove_partitions(&self, _partitions: &[Partition]) -> Result<(), AppendError> {
        Err(NotOpen.into())
    }

    /// Tells the shard of a partition of its own, or of the partition's new settings.
    pub fn set_partition(&self, partition: Partition, settings: PartitionSettings) {
        self.0.settings.lock().insert(partition, settings);
    }

    /// True if there was proof within `session` that this broker owns the shard: a durable segment, or
    /// [`Shard::confirm_ownership`].
    pub fn recently_confirmed(&self, _session: Duration) -> bool {
        false
    }

    /// Notes proof of ownership as of now: the controller said so.
    pub fn confirm_ownership(&self) {}

    pub fn status(&self) -> ShardStatus {
        ShardStatus { state: ShardState::Opening, epoch: None }
    }

    /// Finishes what was taken, flushes the index, and closes.
    pub async fn close(&self) {}
}
