//! The Raft group: its log, vote and snapshots in the broker's own database, its state machine, its peers.
//! It must never know what a command means: it orders batches of them, and hands each to `apply` once committed.
//! Entry point: [`Node`], started on the broker's Raft database.
//! Invariant: what was acknowledged is in the object store, and is applied again after any restart.

mod answer;
mod ask;
mod config;
mod contacts;
mod election;
mod electorate;
mod keys;
mod log_store;
#[cfg(test)]
mod log_store_tests;
mod look;
mod membership;
mod network;
mod node;
mod rpc;
mod state_machine;
mod supervise;
mod types;
mod upkeep;

#[cfg(test)]
mod tests;

pub(super) use answer::Proposed;
pub(super) use look::look;
pub(super) use node::{Node, RETRY, Start};
pub(super) use rpc::Written;
pub(super) use types::ENTRY_LIMIT;
pub(super) use upkeep::last_write_ms;
