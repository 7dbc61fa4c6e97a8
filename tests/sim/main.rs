//! The engine attacked at its store: owners of one shard in turn, processes that stop at every request, stores that fail
//! and stores that lie.
//! It knows nothing of sockets or processes: the engine is the real one, time is paused, the store is in memory.
//! Entry points: [`owners`], [`crashes`], [`steps`], [`broken`], [`damage`], and [`cluster`] for whole brokers.
//! Invariant: a seed names one run; a failing one is printed with what is needed to run it again ([`seeds`]).
#![allow(
    clippy::disallowed_methods,
    reason = "a test stands outside: an environment and a runtime of its own"
)]

mod broken;
mod chance;
mod clients;
mod cluster;
mod crashes;
mod damage;
#[allow(dead_code, reason = "who takes it in takes what is needed")]
#[path = "../engine/mod.rs"]
mod engine;
mod owners;
mod seeds;
mod steps;
mod truth;
mod world;

use std::future::Future;

/// Runs a simulation to its end on a clock that only moves when nothing else can happen.
fn simulate<T>(simulation: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(simulation)
}
