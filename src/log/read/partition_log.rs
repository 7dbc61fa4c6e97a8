//! One partition to read: what it has published, and where its batches are.

use std::ops::Deref;
use std::sync::Arc;

use super::source::Source;
use crate::log::partition::PartitionState;

/// One partition in one opening of its shard, for readers. [`PartitionState::has_ended`] says when that is over.
#[derive(Debug)]
pub struct PartitionLog {
    state: Arc<PartitionState>,
    source: Source,
}

impl PartitionLog {
    pub fn new(state: Arc<PartitionState>, source: Source) -> PartitionLog {
        PartitionLog { state, source }
    }

    pub fn state(&self) -> &Arc<PartitionState> {
        &self.state
    }

    /// The stored batches of the shard.
    pub(in crate::log) fn source(&self) -> &Source {
        &self.source
    }
}

impl Deref for PartitionLog {
    type Target = PartitionState;

    fn deref(&self) -> &PartitionState {
        &self.state
    }
}
