//! Log lines on standard error, as text or JSON.

use std::io::IsTerminal as _;

use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// Libraries that report every step at `info`, and each try to call a broker that is not there. A filter that names them still
/// decides.
const QUIET: &str = "slatedb=warn,openraft=error,openraft::replication=off,object_store=warn";

/// Libraries below us that log anything, and logins.
const LIBRARIES: &[&str] = &[
    "audit",
    "axum",
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "object_store",
    "openraft",
    "reqwest",
    "rustls",
    "slatedb",
    "slatedb_txn_obj",
    "tokio",
];
/// The modules of this crate.
pub(super) const MODULES: &[&str] = &[
    "api",
    "auth",
    "broker",
    "cli",
    "cluster",
    "config",
    "coordinator",
    "crc32c",
    "log",
    "metadata",
    "net",
    "operator",
    "ops",
    "peer",
    "protocol",
    "runtime",
    "settings",
    "storage",
    "store",
    "tls",
    "types",
];
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

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

/// Faults of a filter, by name: a level that does not exist is a module to the parser, and then nothing is logged
/// but what that module says, which is nothing.
pub fn check_filter(filter: &str) -> Result<(), String> {
    for directive in filter.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        // The names of spans and fields are not known before they are met.
        let bare = directive.split('[').next().unwrap_or_default();
        let (module, level) = match bare.split_once('=') {
            Some((module, level)) => (module, Some(level)),
            None if LEVELS.iter().any(|level| level.eq_ignore_ascii_case(bare)) => continue,
            None => (bare, None),
        };
        if let Some(level) = level
            && !level.is_empty()
            && !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level))
        {
            return Err(format!("there is no level '{level}'; the levels are {}", LEVELS.join(", ")));
        }
        let known = module.is_empty() || is_module(module);
        if !known {
            let what = if level.is_some() { "module" } else { "level or module" };
            return Err(format!(
                "there is no {what} '{module}'; the levels are {}, the modules kafkaesque::{{{}}} and the \
                 libraries {}",
                LEVELS.join(", "),
                MODULES.join(","),
                LIBRARIES.join(", ")
            ));
        }
    }
    parse(filter).map(drop).map_err(|error| error.to_string())
}

fn is_module(name: &str) -> bool {
    let mut parts = name.split("::");
    match (parts.next(), parts.next()) {
        (Some("kafkaesque"), None) => true,
        (Some("kafkaesque"), Some(module)) => MODULES.contains(&module),
        (Some(library), _) => LIBRARIES.contains(&library),
        (None, _) => false,
    }
}

pub(super) fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    // A later directive for the same target replaces an earlier one.
    let with_defaults = [QUIET, filter].join(",");
    EnvFilter::try_new(with_defaults)
        .map_err(|error| LogError::Filter { filter: filter.to_owned(), cause: error.to_string() })
}
