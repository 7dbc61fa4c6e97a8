//! Shards: opened, watched, closed, and opened again; the only door to the log.
//! It knows no client and reads no image: what a shard is to serve is pushed to it.
//! Entry point: [`Shard`], the handle of one shard; [`Open`], one opening of it.
//! Invariant: a shard is opened only by who the metadata says owns it, and what an opening took ends with it.

mod handle;
mod health;
mod open;
mod opening_time;
mod standing;
mod supervisor;

pub use handle::{Carried, ConfirmOwner, Shard, ShardOptions, ShardState, ShardStatus, Shared};
pub use health::{Cause, Unable};
pub use open::Open;
pub use opening_time::OpeningTime;
pub use standing::Standing;
