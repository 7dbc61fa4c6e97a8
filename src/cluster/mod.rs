//! Who owns what: the controller that places shards, and the host of the shards that are placed here.
//! It must never know the wire protocol, nor how a shard stores anything.
//! Entry points: [`controller::run`], [`ShardHost`], and [`outage::watch`] for the log.
//! Invariant: a shard is opened here only while the metadata says that this life of this broker owns it.

pub mod controller;
mod group_topics;
#[cfg(test)]
mod host_tests;
mod introduction;
pub mod outage;
mod shard_host;
mod standing;
#[cfg(test)]
mod tests;
mod watch;

pub use group_topics::GroupTopics;
pub use shard_host::{HostOptions, ShardHost};
pub use watch::{Watch, WatchLimits};
