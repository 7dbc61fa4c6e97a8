//! Outcomes of commands.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::types::{BrokerId, Incarnation, LeaderEpoch, ProducerId, ShardId, TopicId};

/// The outcome of a command.
pub type Outcome = Result<Applied, Refused>;

/// The effect of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    Done,
    /// The topic that now has the name; `created` is false if it was there before.
    Topic {
        id: TopicId,
        created: bool,
    },
    Assigned {
        epoch: LeaderEpoch,
    },
    ProducerIds {
        first: ProducerId,
        count: u32,
    },
    /// Of each command of a numbered proposal.
    Each(Vec<Outcome>),
}

impl Refused {
    /// The version of the program's commands in which this refusal appeared.
    pub(super) fn version(&self) -> u16 {
        match self {
            Refused::TooOld { .. } | Refused::InvalidShards(_) => 6,
            _ => 1,
        }
    }
}

/// Why a command did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Refused {
    #[error("the cluster is formed already, as {cluster_id}")]
    AlreadyFormed { cluster_id: String },
    #[error("the cluster is not formed yet")]
    NotFormed,
    #[error("broker {0} is not registered")]
    UnknownBroker(BrokerId),
    #[error("broker {broker} was started again: {current} is newer than {given}")]
    StaleIncarnation { broker: BrokerId, given: Incarnation, current: Incarnation },
    #[error("shard {0} does not exist")]
    UnknownShard(ShardId),
    #[error("Topic '{0}' already exists.")]
    TopicExists(String),
    #[error("topic id {0} belongs to another topic")]
    TopicIdTaken(TopicId),
    #[error("This server does not host this topic ID.")]
    UnknownTopic(TopicId),
    #[error("{0}")]
    InvalidTopicName(String),
    #[error("{0}")]
    InvalidPartitions(String),
    #[error("Excessively large number of partitions: {given}, and at most {most} can be created at once.")]
    TooManyPartitions { given: usize, most: usize },
    #[error("{0}")]
    InvalidConfig(String),
    #[error("{0}")]
    InvalidFeature(String),
    #[error("a counter of the cluster is used up")]
    Exhausted,
    #[error("shard {shard} was assigned anew, with epoch {current}")]
    Reassigned { shard: ShardId, current: LeaderEpoch },
    #[error("a later proposal of this broker was applied before this one")]
    Superseded,
    #[error("Attempt to delete a user credential that does not exist")]
    NoScramCredential,
    #[error("the cluster is at level {level}, and broker {broker} knows levels up to {known}")]
    TooOld { broker: BrokerId, known: u16, level: u16 },
    #[error("{0}")]
    InvalidShards(String),
}
