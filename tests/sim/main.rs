//! The engine attacked at its store: owners of one shard in turn, processes that stop at every request, stores that fail
//! and stores that lie.
//! It knows nothing of sockets or processes: the engine is the real one, time is paused, the store is in memory.
//! Entry points: [`owners`], [`steps`], [`broken`], [`damage`].
//! Invariant: a seed names one run; a failing one is printed with what is needed to run it again.
//!
//! `KAFKAESQUE_SIM_SEEDS` sets the seeds of the long runs: a number of them, or a range as `1000..2000`.
#![allow(
    clippy::disallowed_methods,
    reason = "a test stands outside: an environment and a runtime of its own"
)]

mod broken;
mod clients;
mod damage;
mod owners;
mod steps;
mod truth;
mod world;

use std::future::Future;
use std::ops::Range;

/// Runs a simulation to its end on a clock that only moves when nothing else can happen.
fn simulate<T>(simulation: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(simulation)
}

/// The seeds of a test: so many by default, others if the environment says so.
fn seeds(default: u64) -> Range<u64> {
    let Ok(text) = std::env::var("KAFKAESQUE_SIM_SEEDS") else { return 0..default };
    let number = |text: &str| text.parse().unwrap_or_else(|e| panic!("KAFKAESQUE_SIM_SEEDS={text}: {e}"));
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&text),
    }
}
