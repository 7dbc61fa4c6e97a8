//! A client of the cluster: asks any broker who leads, and never goes back to an older leader.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::batch::Batch;
use kafkaesque::protocol::messages::metadata;

use super::process::Process;
use super::world::World;
use crate::engine::values_of;

/// The topic that records are in.
pub const TOPIC: &str = "data";
pub const PARTITIONS: i32 = 4;

/// The leader of a partition, as a client knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    pub broker: i32,
    pub epoch: i32,
}

pub struct Client {
    pub world: World,
    leaders: BTreeMap<i32, Leader>,
}

impl Client {
    pub fn new(world: &World) -> Client {
        Client { world: world.clone(), leaders: BTreeMap::new() }
    }

    /// The leader of a partition, if its process is there.
    pub fn leader(&self, partition: i32) -> Option<(Leader, Process)> {
        let leader = self.leaders.get(&partition)?;
        Some((*leader, self.world.process(leader.broker)?))
    }

    /// Asks somebody who leads.
    pub async fn refresh(&mut self) {
        self.world.sleep_ms(20 + self.world.below(80)).await;
        let Some(process) = self.world.somebody() else { return };
        let asked = self.world.told(|told| told.watermarks.asks(process.id.0));
        let topic = metadata::MetadataRequestTopic { name: Some(TOPIC.to_owned()), ..Default::default() };
        let request = metadata::Request { topics: Some(vec![topic]), ..Default::default() };
        let Some(answer) = self.world.ask(&process, request, 12).await else { return };
        for partition in answer.topics.into_iter().flat_map(|topic| topic.partitions) {
            let leader = Leader { broker: partition.leader_id, epoch: partition.leader_epoch };
            if leader.broker < 0 {
                continue;
            }
            let index = partition.partition_index;
            let check = self.world.told(|told| told.watermarks.leads(&asked, index, leader));
            self.world.judge(check);
            let known = self.leaders.entry(index).or_insert(leader);
            if leader.epoch >= known.epoch {
                *known = leader;
            }
        }
    }
}

/// True if a client tries the same again after this error.
pub fn is_retriable(code: i16) -> bool {
    let retriable = [
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::RequestTimedOut,
        ErrorCode::NotEnoughReplicas,
        ErrorCode::KafkaStorageError,
        ErrorCode::FencedLeaderEpoch,
        ErrorCode::UnknownLeaderEpoch,
        ErrorCode::NotCoordinator,
        ErrorCode::CoordinatorNotAvailable,
        ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::NotController,
        ErrorCode::LeaderNotAvailable,
    ];
    retriable.iter().any(|error| error.code() == code)
}

/// The batches in what a fetch gave, with the leader epoch of each: offsets with values.
pub fn batches(mut bytes: Bytes) -> Vec<(i32, Vec<(i64, String)>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let batch = Batch::parse(&bytes).expect("a batch that a client can read");
        let values = values_of(&[bytes.split_to(batch.len())]).expect("records that a client can read");
        found.push((batch.header.partition_leader_epoch, values));
    }
    found
}
