//! The way of a broker out of the cluster for good: drained if it lives, replaced if it votes, then forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::controller::{Controller, KnownStandings};
use super::liveness::Standing;
use super::voting::{Group, Stays};
use crate::metadata::{Command, Metadata, ProposeError};
use crate::types::BrokerId;

/// Entries that a learner may be behind its leader to become a voter.
const LAG: u64 = 64;
/// A learner has to have lived for so long.
const PROBATION: Duration = Duration::from_secs(1);

/// A broker that is to leave for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    pub broker: BrokerId,
    /// It may live: then it gives its shards away first.
    pub drains: bool,
}

/// The way that a removal has come. It is asked for again until it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removed {
    Done,
    /// So many shards are still its own.
    Draining {
        shards: usize,
    },
}

/// Why a broker was not removed, or another wish of an operator not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Stuck {
    #[error("Broker ID {0} is not currently registered")]
    Unknown(BrokerId),
    #[error("broker {0} lives: stop it first, or have it drained")]
    Lives(BrokerId),
    #[error("no other broker lives that could take the shards of broker {0}")]
    NobodyElse(BrokerId),
    #[error("broker {0} is the last that votes on the metadata")]
    LastVoter(BrokerId),
    #[error("without broker {0}, no majority of the brokers that vote on the metadata would live")]
    NoMajority(BrokerId),
    /// The metadata has its reasons.
    #[error("{0}")]
    Refused(String),
    /// Nothing is decided: it may be asked again, of the leader.
    #[error("the controller is not there, or busy: {0}")]
    Later(String),
}

impl Controller {
    /// Takes the next step of a removal, if this broker leads. A broker that may not go keeps its shards.
    pub async fn remove(&self, removal: Removal) -> Result<Removed, Stuck> {
        let removed = self.remove_further(removal).await;
        if removed.as_ref().is_err_and(|stuck| !matches!(stuck, Stuck::Later(_))) {
            self.change_drains(|drains, _| drains.end(removal.broker));
        }
        removed
    }

    async fn remove_further(&self, removal: Removal) -> Result<Removed, Stuck> {
        let broker = removal.broker;
        let metadata = self.metadata();
        let standings = self.known_standings().ok_or_else(|| Stuck::Later("it does not lead".to_owned()))?;
        let group = self.group(&standings);
        let standing = standings.get(&broker).map(|(standing, _)| *standing);
        if let Some(draining) = self.let_go(removal, standing, &group)? {
            return Ok(draining);
        }
        if group.voters.contains(&broker) {
            let voters = group.without(broker).map_err(|stays| match stays {
                Stays::LastVoter => Stuck::LastVoter(broker),
                Stays::NoMajority => Stuck::NoMajority(broker),
            })?;
            tracing::info!(%broker, ?voters, "a broker that votes is replaced");
            self.change_voters(&voters).await.map_err(later)?;
            if broker == metadata.broker_id() {
                return Err(Stuck::Later("it leads no more".to_owned()));
            }
        }
        match metadata.forget(broker).await {
            Ok(()) => {
                tracing::info!(%broker, "a broker was removed");
                Ok(Removed::Done)
            }
            Err(error) => Err(Stuck::Later(error.to_string())),
        }
    }

    /// Raises the number of shards, if this broker leads. New partitions go to the new ones first.
    pub async fn add_shards(&self, shards: u32) -> Result<(), Stuck> {
        let metadata = self.metadata();
        if !metadata.leads() {
            return Err(Stuck::Later("it does not lead".to_owned()));
        }
        match metadata.propose(Command::AddShards { shards }).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(refused)) => Err(Stuck::Refused(refused.to_string())),
            Err(error @ ProposeError::NotSupported { .. }) => Err(Stuck::Refused(error.to_string())),
            Err(error) => Err(later(error)),
        }
    }

    /// Sees that a broker may go: it is dead, or has given everything away. Says how far that is otherwise.
    fn let_go(
        &self,
        removal: Removal,
        standing: Option<Standing>,
        group: &Group,
    ) -> Result<Option<Removed>, Stuck> {
        let Removal { broker, drains } = removal;
        let image = self.metadata().image();
        let Some(known) = image.broker(broker) else {
            let is_member = self.metadata().quorum().has(broker);
            return if is_member { Ok(None) } else { Err(Stuck::Unknown(broker)) };
        };
        match standing {
            Some(Standing::Dead) => return Ok(None),
            Some(Standing::Live | Standing::Leaving) if drains => {}
            Some(Standing::Live | Standing::Leaving) => return Err(Stuck::Lives(broker)),
            Some(Standing::Unknown) | None => {
                return Err(Stuck::Later(format!("it has not heard of broker {broker} yet")));
            }
        }
        let owner = known.life();
        let shards = image.shards_of(owner).count();
        if shards > 0 && group.live.iter().all(|id| *id == broker) {
            return Err(Stuck::NobodyElse(broker));
        }
        self.change_drains(|drains, now| drains.ask(owner, now));
        Ok((shards > 0).then_some(Removed::Draining { shards }))
    }

    /// The group that this broker leads.
    pub(super) fn group(&self, standings: &KnownStandings) -> Group {
        let metadata = self.metadata();
        let quorum = metadata.quorum();
        let (leader, voters) = (metadata.broker_id(), metadata.voters());
        let mut live: BTreeSet<BrokerId> = standings
            .iter()
            .filter(|(_, (standing, _))| *standing == Standing::Live)
            .map(|(id, _)| *id)
            .collect();
        live.insert(leader);
        let mut ready: Vec<(Duration, BrokerId)> = Vec::new();
        for learner in &quorum.learners {
            let Some((Standing::Live, age)) = standings.get(&learner.id).copied() else { continue };
            let is_behind = learner.log_index.is_none_or(|index| index + LAG < quorum.index);
            if age >= PROBATION && !is_behind {
                ready.push((age, learner.id));
            }
        }
        ready.sort_by(|(a, a_id), (b, b_id)| b.cmp(a).then(a_id.cmp(b_id)));
        let ready = ready.into_iter().map(|(_, id)| id).collect();
        Group { leader, voters, ready, live }
    }

    /// The voters to change to now, if there are better ones: a change that was begun is ended first.
    pub(super) fn better_voters(&self) -> Option<BTreeSet<BrokerId>> {
        let metadata = self.metadata();
        match metadata.unfinished_voters() {
            Some(voters) if metadata.leads() => Some(voters),
            Some(_) => None,
            None if metadata.voters().len() >= metadata.wanted_voters() => None,
            None => self.group(&self.known_standings()?).grown(metadata.wanted_voters()),
        }
    }
}

/// Has the group change its voters, and says so.
pub(super) async fn grow(metadata: &Metadata, voters: BTreeSet<BrokerId>) {
    tracing::info!(?voters, "brokers become voters");
    if let Err(error) = metadata.change_voters(&voters).await {
        tracing::warn!(%error, "the voters did not change");
    }
}

fn later(error: ProposeError) -> Stuck {
    Stuck::Later(error.to_string())
}
