//! Errors of a coordinator, by what the caller does next.

use crate::log::{PartitionError, keys};

/// The coordinator ended before it could answer: its shard opens anew, here or elsewhere. Ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the coordinator ended before it could answer")]
pub struct Gone;

/// Bytes that are no row of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a stored group cannot be read")]
    Bytes,
    /// A later program wrote it.
    #[error("a stored group has a row of version {version}, and this program reads versions up to {latest}")]
    TooNew { version: u8, latest: u8 },
}

impl Malformed {
    /// The reason why a value was not read by who knows versions up to `latest`.
    pub fn of(value: &[u8], latest: u8) -> Malformed {
        match value.first() {
            Some(&version) if version > latest => Malformed::TooNew { version, latest },
            _ => Malformed::Bytes,
        }
    }
}

/// The reason why machines of a shard were not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Read(#[from] PartitionError),
    #[error(transparent)]
    Key(#[from] keys::RowError),
    #[error(transparent)]
    Row(#[from] Malformed),
}
