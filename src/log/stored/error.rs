//! Errors of a shard, by what the caller does next.

use std::sync::Arc;

use thiserror::Error;

use crate::log::stored::damage::Damage;
use crate::types::Partition;

/// The shard has no open incarnation: it opens, or is another broker's. Try again, elsewhere perhaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the shard is not open here")]
pub struct NotOpen;

/// Why a batch, or another change, was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// Nothing was stored; retriable.
    #[error(transparent)]
    NotOpen(#[from] NotOpen),
    /// The shard's incarnation ended before the outcome was known: it may be stored or not. Retriable; a connection
    /// with such an answer to a produce request is closed after it.
    #[error("the shard's incarnation ended before the outcome was known")]
    IncarnationEnded,
    /// The store has room for deletions alone; nothing was stored. Retriable, once somebody has made room.
    #[error("the disk of the store is full")]
    Full,
    /// The partition is not one of this shard's.
    #[error("the partition is not on this shard")]
    UnknownPartition,
    /// The batch's producer epoch is older than one seen before.
    #[error("the producer epoch is older than the current one")]
    InvalidProducerEpoch,
    /// The batch does not follow the producer's last one, and is none of its last five.
    #[error("the sequence number is out of order")]
    OutOfOrderSequence,
    /// Records up to an offset were to be deleted that is above the high watermark.
    #[error("the offset is above the high watermark")]
    OffsetOutOfRange,
    /// The cluster has brokers that could not read a row; nothing was stored.
    #[error("the level of the cluster does not allow to store this")]
    NotAtLevel,
    /// Stored rows of the partition are not what they should be.
    #[error("stored data of the partition is malformed")]
    Malformed,
}

/// Why a partition's state cannot be given.
#[derive(Clone, Debug, Error)]
pub enum PartitionError {
    /// Retriable.
    #[error(transparent)]
    NotOpen(#[from] NotOpen),
    /// The partition is not one of this shard's.
    #[error("partition {0} is not on this shard")]
    Unknown(Partition),
    /// The index could not be read; retriable.
    #[error("reading the index failed: {0}")]
    Index(Arc<slatedb::Error>),
    /// The index holds something that it should not.
    #[error(transparent)]
    Malformed(#[from] crate::log::stored::keys::RowError),
}

impl From<PartitionError> for AppendError {
    fn from(error: PartitionError) -> AppendError {
        match error {
            // A failure of the store is as good as not being open: nothing was stored, and it may pass.
            PartitionError::NotOpen(_) | PartitionError::Index(_) => AppendError::NotOpen(NotOpen),
            PartitionError::Unknown(_) => AppendError::UnknownPartition,
            PartitionError::Malformed(_) => AppendError::Malformed,
        }
    }
}

/// Why a shard could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The caller's check said that this broker is not, or no longer, the owner.
    #[error("this broker does not own the shard")]
    NotOwner,
    /// A newer owner came in between.
    #[error("a newer owner has the shard")]
    Fenced,
    /// The store did not answer in time, or failed.
    #[error("the store failed: {0}")]
    Store(String),
    /// The time for opening ran out.
    #[error("opening took longer than {0:?}")]
    TimedOut(std::time::Duration),
    /// Stored bytes are not those that were written. Nothing was changed by finding it, so trying again is safe.
    #[error(transparent)]
    Damaged(#[from] Damage),
}
