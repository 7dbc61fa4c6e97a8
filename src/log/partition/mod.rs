//! One partition in one opening of its shard: what its writer decides by, and what its readers see.
//! It knows no store, no queue and no task: rows come in, state changes.
//! Entry point: [`Writer`], the state that commits change; [`PartitionState`], as much of it as is durable.
//! Invariant: what readers see is durable, and never goes back.

pub mod counts;
pub mod epochs;
pub mod loading;
pub mod producers;
mod state;
mod writer;

pub use counts::{Counts, Known, PartitionSettings};
pub use epochs::{EpochEnd, EpochHistory};
pub use state::{PartitionState, View};
pub use writer::{Loaded, Writer};
