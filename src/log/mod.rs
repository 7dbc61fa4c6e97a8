//! Partitions on shards: a log of segments in the object store, and the index over it.
//! It never reads the metadata image: whoever owns a shard pushes settings and leader epochs to it.
//! Entry point: [`Shard`], the handle of one shard; [`PartitionLog`] for what a reader needs of one partition.
//! Invariant: what is acknowledged is in the object store, in an object that the next owner is certain to read.

mod commit;
mod garbage;
mod incarnation;
mod partition;
mod read;
pub mod repair;
mod retention;
mod shard;
mod stored;
#[cfg(test)]
mod tests;
mod wal;

pub use commit::{Append, Appended, Permit, Row, Ticket};
pub use partition::{Counts, EpochEnd, EpochHistory, PartitionSettings, PartitionState};
pub use read::shared::{ReadLimits, Reads};
pub use read::source::ReadError;
pub use read::{PartitionLog, fetch, list_offsets, unfolding};
pub use shard::{
    Carried, Cause, ConfirmOwner, Open, OpeningTime, Shard, ShardOptions, ShardState, ShardStatus, Shared,
    Standing, Unable,
};
pub use stored::damage::Damage;
pub use stored::error::{AppendError, NotOpen, OpenError, PartitionError};
pub(crate) use stored::fields;
pub use stored::limits::Limits;
pub use stored::metrics::LogMetrics;
pub use stored::{keys, paths, segment};
