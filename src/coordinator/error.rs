//! What goes wrong in a coordinator, by what the caller does next.

use super::group;
use crate::log::PartitionError;
use crate::log::keys::Malformed;

/// The coordinator ended before it could answer: its shard opens anew, here or elsewhere. Ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the coordinator ended before it could answer")]
pub struct Gone;

/// Why what is stored of a shard's groups was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Read(#[from] PartitionError),
    #[error(transparent)]
    Row(#[from] Malformed),
    #[error(transparent)]
    Group(#[from] group::Malformed),
}
