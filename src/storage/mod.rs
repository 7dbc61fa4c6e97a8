//! The commands that repair what is stored, once something was damaged and nobody can put it back.
//! They know no broker that runs: whoever holds what they repair makes them fail, or ends.
//! Entry point: [`repair`].
//! Invariant: nothing is deleted, and nothing is changed unless somebody accepts what is lost.

mod metadata;
mod shard;

use crate::config::{Config, LogFormat};
use crate::ops;
use crate::runtime::Runtime;
use crate::types::ShardId;

const UNCHANGED: &str =
    "nothing was changed: put back what the store held before, or give up what is lost with --accept-loss";

/// The part that is to be repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Shard(ShardId),
    Metadata,
}

/// The report of a repair.
#[derive(Debug)]
pub struct Report {
    /// For people.
    pub lines: Vec<String>,
    /// Nothing is wrong with it now.
    pub is_sound: bool,
}

/// Looks at a part of the store and tells what is lost; gives that up if `accept_loss`.
pub fn repair(config: &Config, part: Part, accept_loss: bool) -> Result<Report, String> {
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let tokio = tokio.map_err(|error| format!("the asynchronous runtime did not start: {error}"))?;
    let json = config.operation.log_format == LogFormat::Json;
    ops::log_to_stderr(&config.operation.log_filter, json).map_err(|error| error.to_string())?;
    tokio.block_on(run(config, part, accept_loss, &Runtime::system()))
}

/// The same in a runtime that is there.
pub async fn run(
    config: &Config,
    part: Part,
    accept_loss: bool,
    runtime: &Runtime,
) -> Result<Report, String> {
    match part {
        Part::Shard(shard) => shard::run(config, shard, accept_loss, runtime).await,
        Part::Metadata => metadata::run(config, accept_loss, runtime).await,
    }
}
