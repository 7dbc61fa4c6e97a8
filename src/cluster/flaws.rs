//! Flaws that a build could have: the simulation gives them to its brokers, to show that it would notice. Nobody else does.

use super::controller::Leading;
use super::liveness::Standing;
use super::placement::Standings;
use crate::metadata::Owner;
use crate::types::{LeaderEpoch, ShardId};

/// Promises that are not kept. The default keeps all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Shards are assigned before their owners have released them.
    pub assigns_first: bool,
}

impl Flaws {
    /// True if a shard that its owner is to release is taken for released.
    pub(super) fn takes_for_released(
        self,
        leading: &Leading,
        standings: &Standings,
        asked: (Owner, ShardId, LeaderEpoch),
    ) -> bool {
        let is_leaving = standings.get(&asked.0.broker) == Some(&Standing::Leaving);
        self.assigns_first && (is_leaving || leading.moving == Some(asked))
    }
}
