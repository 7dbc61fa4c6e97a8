//! Wishes about who votes on the metadata, as AddRaftVoter and RemoveRaftVoter have them (KIP-853).
//!
//! The controller sees to the voters by itself, and their number stays odd: whoever is added takes another along, and whoever is
//! removed is replaced, or takes another along.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::controller::Controller;
use super::voting::{Stays, Waits};
use crate::metadata::MOST_VOTERS;
use crate::types::BrokerId;

/// A broker that is to vote, or to vote no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    pub broker: BrokerId,
    pub votes: bool,
}

/// Why the voters stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Unchanged {
    #[error("The voter id for {broker} is already part of the set of voters {voters}.")]
    Duplicate { broker: BrokerId, voters: Ids },
    #[error("Cannot remove voter {broker} from the set of voters {voters}")]
    NotFound { broker: BrokerId, voters: Ids },
    #[error("broker {0} has not joined, does not live, or has not caught up yet")]
    NotReady(BrokerId),
    #[error(
        "the number of voters stays odd, and at most {most}: nobody could vote along with broker {broker}"
    )]
    Alone { broker: BrokerId, most: usize },
    #[error(
        "no other broker could vote in the place of broker {0}, which would be made a voter again: \
         `kafkaesque cluster remove` ends it for good"
    )]
    NobodyElse(BrokerId),
    #[error("without broker {0}, no majority of the voters would live")]
    NoMajority(BrokerId),
    /// Nothing is decided: it may be asked again, of the leader.
    #[error("the controller is not there, or busy: {0}")]
    Later(String),
}

/// Brokers in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids(pub BTreeSet<BrokerId>);

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "[{}]", ids.join(", "))
    }
}

impl Controller {
    /// Changes the voters as wished, if this broker leads.
    pub async fn vote(&self, ballot: Ballot) -> Result<(), Unchanged> {
        let broker = ballot.broker;
        let later = |reason: String| Unchanged::Later(reason);
        let standings = self.known_standings().ok_or_else(|| later("it does not lead".to_owned()))?;
        let group = self.group(&standings);
        let is_voter = group.voters.contains(&broker);
        let now = || Ids(group.voters.clone());
        let voters = match ballot.votes {
            true if is_voter => return Err(Unchanged::Duplicate { broker, voters: now() }),
            true => group.with(broker, MOST_VOTERS).map_err(|waits| match waits {
                Waits::NotReady => Unchanged::NotReady(broker),
                Waits::Alone => Unchanged::Alone { broker, most: MOST_VOTERS },
            })?,
            false if !is_voter || group.voters.len() == 1 => {
                return Err(Unchanged::NotFound { broker, voters: now() });
            }
            false => {
                let voters = group.without(broker).map_err(|stays| match stays {
                    Stays::LastVoter => Unchanged::NotFound { broker, voters: now() },
                    Stays::NoMajority => Unchanged::NoMajority(broker),
                })?;
                if voters.len() < self.metadata().wanted_voters() {
                    return Err(Unchanged::NobodyElse(broker));
                }
                voters
            }
        };
        tracing::info!(?voters, "the voters change, as somebody wishes");
        self.change_voters(&voters).await.map_err(|error| later(error.to_string()))
    }
}
