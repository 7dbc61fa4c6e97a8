//! The start of a broker: why it waits, and why it fails.

use std::time::Duration;

use crate::{auth, metadata, ops, peer, store, tls};

/// The time between two lines that say why the start waits for the store.
pub(super) const TELL_INTERVAL: Duration = Duration::from_secs(5);

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("RUST_LOG: {0}")]
    Log(#[from] ops::LogError),
    #[error("{variable}: {error}")]
    Store { variable: &'static str, error: store::OpenError },
    #[error("{0}")]
    Metadata(#[from] metadata::StartError),
    #[error("{variable}: cannot listen on {address}: {source}")]
    Listen { variable: &'static str, address: String, source: std::io::Error },
    #[error("no shard opened within {0:?}; the log says why")]
    Shards(Duration),
    #[error("{0}")]
    Replaced(String),
    #[error("{0}")]
    Secret(#[from] peer::SecretError),
    #[error("{0}")]
    Tls(#[from] peer::TlsError),
    #[error("{variable}: {error}")]
    Users { variable: &'static str, error: auth::UsersError },
    #[error("{0}")]
    Issuers(#[from] auth::oauth::BadSettings),
    #[error("{0}")]
    Files(#[from] tls::Error),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}
