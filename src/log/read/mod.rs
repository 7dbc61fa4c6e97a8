//! Reading what is durable: from the tail cache, the block cache, or the store.
//! It knows no writer's state and no commit: it sees what partitions have published, and the index.
//! Entry point: [`PartitionLog`], one partition to read; [`fetch`] for records, [`list_offsets`] for offsets of times.
//! Invariant: nothing at or above a high watermark is read, and a batch leaves only if its checksum is right.

pub mod block_cache;
pub mod fetch;
pub mod list_offsets;
pub mod metrics;
mod partition_log;
pub mod shared;
pub mod source;
pub mod tail_cache;
mod time_index;
pub mod unfolding;
pub mod waiters;
mod walk;

pub use partition_log::PartitionLog;
