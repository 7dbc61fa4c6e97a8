//! Flaws that a build could have: the simulation gives them to its brokers, to show that it would notice. Nobody else does.

use super::controller::Leading;
use super::liveness::Standing;
use super::placement::Standings;
use crate::metadata::{Command, Owner};
use crate::types::{LeaderEpoch, ShardId};

/// Promises that are not kept. The default keeps all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Assignments are made whatever epoch they replace.
    pub skips_epochs: bool,
    /// Shards are assigned before their owners have released them.
    pub assigns_first: bool,
    /// Proofs of ownership last for a session.
    pub keeps_proofs: bool,
}

impl Flaws {
    /// A command of the controller, as it is proposed.
    pub(super) fn proposed(self, command: Command) -> Command {
        match command {
            Command::MoveShard { shard, owner, .. } if self.skips_epochs => {
                Command::AssignShard { shard, owner }
            }
            command => command,
        }
    }

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
