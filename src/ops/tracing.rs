//! Log lines on standard error, as text or JSON.

use std::io::IsTerminal as _;

use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// Libraries that report every step at `info`. A filter that names them still decides.
const QUIET: &str = "slatedb=warn,openraft=warn";

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LogError {
    #[error("the log filter {filter:?} is not valid: {cause}")]
    Filter { filter: String, cause: String },
    #[error("logging is set up already: {0}")]
    Twice(String),
}

/// Sends everything that `filter` lets through to standard error. `filter` is in the syntax of `RUST_LOG`.
pub fn log_to_stderr(filter: &str, json: bool) -> Result<(), LogError> {
    let builder = tracing_subscriber::fmt().with_env_filter(parse(filter)?).with_writer(std::io::stderr);
    let set = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    set.map_err(|error| LogError::Twice(error.to_string()))
}

pub(super) fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    // A later directive for the same target replaces an earlier one.
    let with_defaults = [QUIET, filter].join(",");
    EnvFilter::try_new(with_defaults)
        .map_err(|error| LogError::Filter { filter: filter.to_owned(), cause: error.to_string() })
}
