//! Heartbeats: what brokers and the controller say to each other, several times a second, storing nothing.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::metadata::Owner;
use crate::types::{LeaderEpoch, ShardId};

const FORMAT: u8 = 1;

/// A broker's word to the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub from: Owner,
    /// The last entry that its image shows.
    pub index: u64,
    /// The shards that it hosts.
    pub shards: Vec<Report>,
    /// The age of its oldest append that is not durable, in milliseconds.
    pub stuck_ms: Option<u64>,
    /// It is stopping, and gives its shards away.
    pub is_leaving: bool,
}

/// One shard, as its host has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub shard: ShardId,
    /// That it was assigned with.
    pub epoch: LeaderEpoch,
    pub state: HostState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostState {
    Opening,
    Open,
    /// Closed, as the controller asked: somebody else may have it.
    Released,
    Damaged,
}

/// The controller's word to a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The time since a majority last agreed that the controller is one, in milliseconds; none if it is not.
    pub proof_age_ms: Option<u64>,
    /// The shards that are the broker's, as the controller knows.
    pub owned: Vec<(ShardId, LeaderEpoch)>,
    /// The shards that it is to close and report, while it serves the others.
    pub release: Vec<(ShardId, LeaderEpoch)>,
    /// No broker could take a shard now.
    pub nobody_takes: bool,
}

pub fn encode<T: Serialize>(message: &T) -> Bytes {
    // Vectors of plain numbers can always be encoded.
    postcard::to_extend(message, vec![FORMAT]).unwrap_or_default().into()
}

pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match bytes.split_first() {
        Some((&FORMAT, message)) => postcard::from_bytes(message).ok(),
        _ => None,
    }
}
