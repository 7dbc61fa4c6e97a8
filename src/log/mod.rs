//! Partitions on shards: a log of segments in the object store, and the index over it.
//! It never reads the metadata image: whoever owns a shard pushes settings and leader epochs to it.
//! Entry point: [`Shard`], the handle of one shard; [`PartitionLog`] for what a reader needs of one partition.
//! Invariant: what is acknowledged is in the object store, in an object that the next owner is certain to read.

mod all_rows;
pub mod append;
pub mod block_cache;
mod commit;
mod counts;
pub mod damage;
pub mod epochs;
pub mod error;
pub mod fence;
pub mod fetch;
pub mod garbage;
pub mod health;
mod incarnation;
pub mod keys;
pub mod list_offsets;
mod loading;
pub mod metrics;
pub mod partition;
pub mod paths;
pub mod producers;
pub mod reader;
pub mod reads;
pub mod repair;
pub mod replay;
pub mod retention;
pub mod segment;
pub mod shard;
pub mod standing;
mod supervisor;
pub mod tail_cache;
#[cfg(test)]
mod tests;
pub mod unfolding;
pub mod waiters;
pub mod wal;

pub use append::{Append, Appended, Permit, Ticket};
pub use counts::Counts;
pub use damage::Damage;
pub use epochs::{EpochEnd, EpochHistory};
pub use error::{AppendError, NotOpen, OpenError, PartitionError};
pub use health::{Cause, Unable};
pub use metrics::LogMetrics;
pub use partition::{PartitionLog, PartitionSettings};
pub use shard::{ConfirmOwner, Limits, Shard, ShardOptions, ShardState, ShardStatus, Shared};
pub use standing::Standing;
