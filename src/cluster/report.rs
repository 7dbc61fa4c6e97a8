//! The cluster as its controller sees it, for people and their scripts.

use serde::{Deserialize, Serialize};

use super::controller::Controller;
use super::heartbeat::HostState;
use super::liveness::Standing;
use super::load::Load;
use super::takeover::TakeoverStatus;
use crate::metadata::{Broker, Quorum};
use crate::types::ShardId;

/// The state of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub cluster_id: String,
    /// The leader of the metadata, which is the controller.
    pub leader: i32,
    pub term: u64,
    /// The last entry of the metadata's log that is committed.
    pub index: u64,
    /// The version of what brokers may write; see [`crate::metadata::LEVEL`].
    pub level: u16,
    pub brokers: Vec<BrokerStatus>,
    pub shards: Vec<ShardStatus>,
    /// None since this leader leads.
    pub last_takeover: Option<TakeoverStatus>,
    /// A line for each thing that is not as it should be.
    pub problems: Vec<String>,
    /// A line for each thing that may be wanted, and is odd.
    pub warnings: Vec<String>,
    /// The loads of the shards whose owners have said them.
    pub loads: Vec<LoadStatus>,
}

/// The load of a shard, as an average over half a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadStatus {
    pub shard: u32,
    pub bytes_in_per_second: u64,
    pub bytes_out_per_second: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerStatus {
    pub id: i32,
    pub incarnation: u64,
    pub standing: String,
    pub rack: Option<String>,
    /// The place where other brokers reach it; empty if it is alone.
    pub address: String,
    /// The newest commands of the metadata that it can apply.
    pub level: u16,
    pub votes: bool,
    /// Entries of the metadata's log that it is not known to have.
    pub behind: Option<u64>,
    pub shards: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardStatus {
    pub id: u32,
    pub owner: Option<i32>,
    pub epoch: i32,
    pub state: String,
    pub partitions: usize,
}

impl Controller {
    /// The cluster as it is now, if this broker leads.
    pub fn status(&self) -> Option<Status> {
        let standings = self.known_standings()?;
        let (metadata, image) = (self.metadata(), self.metadata().image());
        let quorum = metadata.quorum();
        let mut problems = Vec::new();
        let mut brokers = Vec::new();
        for broker in image.brokers.values() {
            let standing = standings.get(&broker.id).map(|(standing, _)| *standing);
            if standing != Some(Standing::Live) {
                problems.push(format!("broker {} is {}", broker.id, told(standing)));
            }
            let address = image.members.get(broker.id).map(|member| member.address.clone());
            let shards = image.shards_of(broker.life()).count();
            brokers.push(of_broker(broker, told(standing), address.unwrap_or_default(), &quorum, shards));
        }
        let mut partitions = std::collections::BTreeMap::new();
        for (_, shard) in image.topics.iter().flat_map(|topic| topic.partitions()) {
            *partitions.entry(shard).or_insert(0) += 1;
        }
        let mut shards = Vec::new();
        for (id, shard) in image.shards.iter() {
            let state = shard.owner.and_then(|owner| self.state_of(owner, *id, shard.epoch));
            let state = match state {
                Some(HostState::Open) => "open",
                Some(HostState::Opening) => "opening",
                Some(HostState::Released) => "released",
                Some(HostState::Damaged) => "damaged",
                None if shard.owner.is_none() => "without an owner",
                None => "not heard of",
            };
            if state != "open" {
                problems.push(format!("shard {id} is {state}"));
            }
            shards.push(ShardStatus {
                id: id.0,
                owner: shard.owner.map(|owner| owner.broker.0),
                epoch: shard.epoch.0,
                state: state.to_owned(),
                partitions: partitions.get(id).copied().unwrap_or(0),
            });
        }
        if quorum.voters.len().is_multiple_of(2) {
            problems.push(format!("{} brokers vote, an even number", quorum.voters.len()));
        }
        Some(Status {
            cluster_id: image.cluster_id.to_string(),
            leader: metadata.broker_id().0,
            term: quorum.term,
            index: quorum.index,
            level: image.level().unwrap_or_default(),
            brokers,
            shards,
            last_takeover: self.last_takeover(),
            problems,
            warnings: image.configs.declared.differences().iter().map(ToString::to_string).collect(),
            loads: self.loads(&image).into_iter().map(of_load).collect(),
        })
    }
}

fn of_load((id, load): (ShardId, Load)) -> LoadStatus {
    LoadStatus { shard: id.0, bytes_in_per_second: load.bytes_in, bytes_out_per_second: load.bytes_out }
}

fn of_broker(
    broker: &Broker,
    standing: &str,
    address: String,
    quorum: &Quorum,
    shards: usize,
) -> BrokerStatus {
    let index = quorum.member(broker.id).and_then(|replica| replica.log_index);
    BrokerStatus {
        id: broker.id.0,
        incarnation: broker.incarnation.0,
        standing: standing.to_owned(),
        rack: broker.rack.clone(),
        address,
        level: broker.command_version,
        votes: quorum.voters.iter().any(|replica| replica.id == broker.id),
        behind: index.map(|index| quorum.index.saturating_sub(index)),
        shards,
    }
}

fn told(standing: Option<Standing>) -> &'static str {
    match standing {
        Some(Standing::Live) => "live",
        Some(Standing::Leaving) => "leaving",
        Some(Standing::Dead) => "dead",
        Some(Standing::Unknown) | None => "not heard of yet",
    }
}
