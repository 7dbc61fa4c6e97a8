//! Ownership of shards: the controller that places shards, and the host of the shards that are placed here.
//! It must never know the wire protocol, nor how a shard stores anything.
//! Entry points: [`Controller`], [`ShardHost`], [`heart::beat`] between them, and [`outage::watch`] for the log.
//! Invariant: a shard is opened here only while the metadata says that this life of this broker owns it.

mod answering;
mod balance;
mod ballot;
mod calm;
mod controller;
mod drains;
mod group_topics;
pub mod heart;
pub mod heartbeat;
#[cfg(test)]
mod host_tests;
mod introduction;
mod liveness;
mod load;
mod losses;
mod message;
mod metrics;
mod operator;
pub mod outage;
mod ownership;
mod placement;
mod release;
mod removal;
mod report;
mod shard_host;
mod shown;
mod standing;
mod taken;
mod takeover;
#[cfg(test)]
mod tests;
mod undecided;
mod voting;
mod watch;

pub use answering::Answering;
pub use ballot::{Ballot, Unchanged};
pub use controller::Controller;
pub use group_topics::GroupTopics;
pub use operator::{Departures, add_shards, remove, status};
pub use removal::{Removal, Removed, Stuck};
pub use report::{LoadStatus, Status};
pub use shard_host::{HostOptions, ShardHost};
pub use shown::register_state_metrics;
pub use takeover::TakeoverStatus;
pub use watch::{Watch, WatchLimits};
