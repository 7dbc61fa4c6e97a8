//! One opening of a shard: the handle that ends with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use slatedb::Db;

use crate::log::commit::{Append, Appended, Control, Queue, Row, Ticket};
use crate::log::incarnation::Incarnation;
use crate::log::partition::loading;
use crate::log::read::PartitionLog;
use crate::log::retention::{self, Pass};
use crate::log::stored::error::{AppendError, PartitionError};
use crate::log::stored::keys::{KeptTopic, ProducerEntry, Tag};
use crate::types::{Partition, TopicId, WriterEpoch};

/// Rows that are removed in one commit when a partition is deleted.
const REMOVED_PER_COMMIT: usize = 1_000;

/// One opening of a shard. Whatever is read or written through it belongs to that opening: what was decided on the state of
/// one never reaches the next. Cheap to clone.
#[derive(Clone)]
pub struct Open(Arc<Inner>);

struct Inner {
    incarnation: Arc<Incarnation>,
    queue: Queue,
    keeper: retention::Handle,
}

impl Open {
    pub(super) fn new(incarnation: Arc<Incarnation>, queue: Queue, keeper: retention::Handle) -> Open {
        Open(Arc::new(Inner { incarnation, queue, keeper }))
    }

    pub(super) fn incarnation(&self) -> &Arc<Incarnation> {
        &self.0.incarnation
    }

    /// The writer epoch, which no other opening of the shard ever has.
    pub fn epoch(&self) -> WriterEpoch {
        self.0.incarnation.epoch
    }

    /// True if it is over.
    pub fn has_ended(&self) -> bool {
        self.0.incarnation.ended.is_requested()
    }

    /// Returns once it is over.
    pub async fn ended(&self) {
        self.0.incarnation.ended.requested().await;
    }

    /// Queues a batch. Never blocks; the ticket resolves once the batch is durable, or refused on durable grounds.
    pub fn append(&self, append: Append) -> Result<Ticket<Appended>, AppendError> {
        if !self.0.incarnation.settings.partitions().contains_key(&append.partition) {
            return Err(AppendError::UnknownPartition);
        }
        self.0.queue.append(append)
    }

    /// A partition to read, loaded when first asked for.
    pub async fn partition(&self, partition: Partition) -> Result<Arc<PartitionLog>, PartitionError> {
        self.0.incarnation.partition(partition).await
    }

    /// Loads partitions that are about to be asked for one by one, as far as that is cheaper together. What fails here is
    /// tried again, and told, when the partition is asked for.
    pub async fn prepare(&self, partitions: &[Partition]) {
        let _ = self.0.incarnation.load_many(partitions).await;
    }

    /// See [`super::Shard::flush_index`].
    pub(super) async fn flush_index(&self) -> Result<(), AppendError> {
        self.0.queue.flush_index()?.await
    }

    /// Makes `before`, or the high watermark if that is negative, the partition's log start, unless it is further
    /// already. Returns the log start once it is durable.
    pub async fn delete_records(&self, partition: Partition, before: i64) -> Result<i64, AppendError> {
        let log = self.partition(partition).await?;
        let before = if before < 0 { log.high_watermark() } else { before };
        self.0.queue.raise_log_start(partition, before)?.await
    }

    /// The idempotent producers of a partition, by ascending id, with all that was durable when this was asked.
    pub async fn producers(&self, partition: Partition) -> Result<Vec<ProducerEntry>, AppendError> {
        self.0.queue.producers(partition)?.await
    }

    /// Looks at what has expired, and at what nothing refers to, without waiting for the next interval. `None` if the
    /// pass failed.
    pub async fn run_retention(&self) -> Option<Pass> {
        self.0.keeper.pass().await
    }

    /// The index, for reading rows that are durable: with `DurabilityLevel::Remote`, or known to be.
    pub fn index(&self) -> &Db {
        &self.0.incarnation.db
    }

    /// Writes rows of another kind than a partition's: all or none, a value or a deletion each. The ticket resolves
    /// once they are durable.
    pub fn write_rows(&self, rows: Vec<Row>) -> Result<Ticket<()>, AppendError> {
        self.0.incarnation.settings.check_forms(&rows).map_err(|error| {
            tracing::error!(%error, "nothing was stored");
            AppendError::NotAtLevel
        })?;
        self.0.queue.write_rows(rows)
    }

    /// All rows of one kind: those that were durable when the shard opened, at least.
    pub async fn rows(&self, tag: Tag) -> Result<Vec<(Bytes, Bytes)>, PartitionError> {
        loading::rows(&self.0.incarnation.db, tag).await
    }

    /// A row that goes with the next segment.
    pub(super) fn keep(&self, key: Bytes, value: Bytes) -> Result<(), AppendError> {
        self.0.queue.control(Control::Keep(key, value))
    }

    pub(super) fn begin_closing(&self) -> Result<(), AppendError> {
        self.0.queue.control(Control::Close)
    }

    /// Removes all rows of partitions that nothing is taken for any more.
    pub(super) async fn remove_partitions(&self, partitions: &[Partition]) -> Result<(), AppendError> {
        let topics: BTreeSet<TopicId> = partitions.iter().map(|partition| partition.topic).collect();
        for key in topics.into_iter().map(KeptTopic::key) {
            self.0.incarnation.settings.forget_topic(&key);
            self.write_rows(vec![(key, None)])?.await?;
        }
        for partition in partitions {
            self.0.queue.forget(*partition)?.await?;
            loop {
                let rows = loading::some_rows(self.index(), *partition, REMOVED_PER_COMMIT).await?;
                let loading::SomeRows { keys, extent_bytes } = rows;
                if keys.is_empty() {
                    break;
                }
                self.write_rows(keys.into_iter().map(|key| (key, None)).collect())?.await?;
                self.0.keeper.add_dead_bytes(extent_bytes);
            }
        }
        Ok(())
    }
}
