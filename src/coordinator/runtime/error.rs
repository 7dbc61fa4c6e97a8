//! Errors of a coordinator, by what the caller does next.

use crate::log::{PartitionError, keys};

/// The coordinator ended before it could answer: its shard opens anew, here or elsewhere. Ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the coordinator ended before it could answer")]
pub struct Gone;

/// Bytes that are no row of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored group cannot be read")]
pub struct Malformed;

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
