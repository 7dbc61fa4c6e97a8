//! Heartbeats: what brokers and the controller say to each other, several times a second, storing nothing.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::load::Load;
use super::message;
use crate::metadata::Owner;
use crate::types::{LeaderEpoch, ShardId};

/// The longest that a proof of ownership lasts where others may take a shard over: less than any takeover takes.
pub const PROOF: Duration = Duration::from_millis(400);

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
    /// The loads of the shards that are open. Brokers of earlier versions say none.
    pub loads: Vec<(ShardId, Load)>,
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
    message::encode(FORMAT, message)
}

pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    message::decode(FORMAT, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BrokerId, Incarnation};

    fn heartbeat(loads: Vec<(ShardId, Load)>) -> Heartbeat {
        let from = Owner { broker: BrokerId(2), incarnation: Incarnation(7) };
        let report = Report { shard: ShardId(1), epoch: LeaderEpoch(4), state: HostState::Open };
        Heartbeat { from, index: 300, shards: vec![report], stuck_ms: Some(5), is_leaving: true, loads }
    }

    #[test]
    fn a_heartbeat_of_an_earlier_version_has_no_loads_and_one_of_this_can_be_read_there() {
        let loaded = heartbeat(vec![(ShardId(1), Load { bytes_in: 1 << 40, bytes_out: 9 })]);
        assert_eq!(decode(&encode(&loaded)), Some(loaded.clone()));
        // As it was before it had loads.
        let mut before = vec![FORMAT, 4, 7, 172, 2, 1, 1, 8, 1, 1, 5, 1];
        assert_eq!(decode(&before), Some(heartbeat(Vec::new())));
        assert!(encode(&loaded).starts_with(&before), "readers of earlier versions stop there");
        before[0] += 1;
        assert_eq!(decode::<Heartbeat>(&before), None);
    }
}
