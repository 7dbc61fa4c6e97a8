//! The cluster as clients see it: brokers, leaders, coordinators, the group behind the metadata.

use std::time::Duration;

use super::support::{Cluster, Node};
use crate::api::handlers::describe_cluster::DescribeCluster;
use crate::api::handlers::describe_quorum::DescribeQuorum;
use crate::api::handlers::describe_topic_partitions::DescribeTopicPartitions;
use crate::api::handlers::find_coordinator::FindCoordinator;
use crate::api::handlers::metadata::Metadata;
use crate::metadata::{Command, Image, Owner};
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    describe_cluster, describe_quorum, describe_topic_partitions, find_coordinator, metadata,
};
use crate::types::ShardId;

const LATEST: i16 = 13;

async fn metadata_of(node: &Node, version: i16) -> metadata::Response {
    let topics = match version {
        0 => Some(Vec::new()),
        _ => None,
    };
    node.ask::<Metadata>(version, metadata::Request { topics, ..Default::default() }).await
}

async fn describe_cluster(node: &Node, include_fenced_brokers: bool) -> Vec<(i32, bool)> {
    let request = describe_cluster::Request { include_fenced_brokers, ..Default::default() };
    let response = node.ask::<DescribeCluster>(2, request).await;
    response.brokers.iter().map(|broker| (broker.broker_id, broker.is_fenced)).collect()
}

/// A group of each of the slots' shards.
fn group_on(image: &Image, shard: u32) -> String {
    let mut names = (0..).map(|number| format!("group-{number}"));
    names.find(|name| image.coordinator(name).is_some_and(|found| found.0 == shard)).expect("a name")
}

async fn coordinator(node: &Node, group: &str) -> (i32, i16) {
    let request =
        find_coordinator::Request { coordinator_keys: vec![group.to_owned()], ..Default::default() };
    let response = node.ask::<FindCoordinator>(6, request).await;
    (response.coordinators[0].node_id, response.coordinators[0].error_code)
}

#[tokio::test]
async fn clients_are_not_sent_to_a_fenced_broker() {
    let cluster = Cluster::settled().await;
    let gone = (0..3).find(|broker| *broker != cluster.leader()).expect("a follower");
    let left: Vec<i32> = (0..3).filter(|broker| *broker != gone as i32).collect();
    cluster.fence(gone, true).await;
    for node in &cluster.brokers {
        let response = metadata_of(node, LATEST).await;
        let listed: Vec<i32> = response.brokers.iter().map(|broker| broker.node_id).collect();
        assert_eq!(listed, left);
        assert_eq!(response.controller_id, cluster.leader() as i32);
        for (shard, owner) in [(0, 0), (1, 1), (2, 2), (3, 2)] {
            let partition = &response.topics[0].partitions[shard];
            assert_eq!(partition.replica_nodes, [owner]);
            assert_eq!(partition.isr_nodes, [owner]);
            assert_eq!(partition.leader_epoch, cluster.epoch(shard as u32));
            let (leader, error, offline) = match owner == gone as i32 {
                true => (-1, ErrorCode::LeaderNotAvailable, vec![owner]),
                false => (owner, ErrorCode::None, Vec::new()),
            };
            assert_eq!((partition.leader_id, partition.error_code), (leader, error.code()));
            assert_eq!(partition.offline_replicas, offline);
        }
        let first = metadata_of(node, 0).await;
        let replicas: Vec<usize> =
            first.topics[0].partitions.iter().map(|partition| partition.replica_nodes.len()).collect();
        let there = |owner: i32| usize::from(owner != gone as i32);
        assert_eq!(replicas, [there(0), there(1), there(2), there(2)], "replicas in version 0 are there");

        let without: Vec<(i32, bool)> = left.iter().map(|broker| (*broker, false)).collect();
        assert_eq!(describe_cluster(node, false).await, without);
        let all: Vec<(i32, bool)> = (0..3).map(|broker| (broker, broker == gone as i32)).collect();
        assert_eq!(describe_cluster(node, true).await, all);

        let described =
            node.ask::<DescribeTopicPartitions>(0, describe_topic_partitions::Request::default()).await;
        let partition = &described.topics[0].partitions[gone];
        assert_eq!((partition.leader_id, partition.error_code), (-1, 0));
        assert_eq!(
            (&partition.replica_nodes[..], &partition.offline_replicas[..]),
            (&[gone as i32][..], &[gone as i32][..])
        );
    }
    cluster.fence(gone, false).await;
    for node in &cluster.brokers {
        let response = metadata_of(node, LATEST).await;
        assert_eq!(response.brokers.len(), 3);
        assert_eq!(response.topics[0].partitions[gone].leader_id, gone as i32);
    }
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn clients_that_hear_of_new_leaders_hear_of_the_old_one_for_two_more_seconds() {
    let cluster = Cluster::simulated().await;
    let (leader, gone) = (cluster.leader(), (cluster.leader() + 1) % 3);
    let node = &cluster.brokers[leader];
    let listed = async || {
        let response = metadata_of(node, LATEST).await;
        let leader_id = response.topics[0].partitions[gone].leader_id;
        (response.brokers.len(), usize::try_from(leader_id).ok())
    };
    let Owner { broker, incarnation } = cluster.brokers[gone].metadata.owner();
    let fence = Command::Fence { broker, incarnation, is_fenced: true };
    let owner = Some(node.metadata.owner());
    let assign = |shard| Command::AssignShard { shard: ShardId(shard), owner };
    node.metadata.propose_many(vec![fence, assign(gone as u32)]).await.expect("outcomes");
    cluster.serves(node.metadata.image().index).await;
    assert_eq!(listed().await, (3, Some(leader)), "librdkafka forgets the new leader with the old one");
    let without: Vec<(i32, bool)> =
        (0..3).filter(|id| *id != gone as i32).map(|broker| (broker, false)).collect();
    assert_eq!(describe_cluster(node, false).await, without);
    node.runtime.clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(listed().await, (2, Some(leader)));
    cluster.end().await;
}

#[tokio::test]
async fn any_broker_names_a_coordinator_that_is_there() {
    let cluster = Cluster::settled().await;
    let image = cluster.brokers[0].host.image();
    let groups = [0, 1, 2, 3].map(|shard| group_on(&image, shard));
    for node in &cluster.brokers {
        for (group, owner) in groups.iter().zip([0, 1, 2, 2]) {
            assert_eq!(coordinator(node, group).await, (owner, 0));
        }
    }
    cluster.fence(2, true).await;
    for node in &cluster.brokers {
        assert_eq!(coordinator(node, &groups[1]).await, (1, 0));
        let away = (-1, ErrorCode::CoordinatorNotAvailable.code());
        assert_eq!(coordinator(node, &groups[2]).await, away);
        assert_eq!(coordinator(node, &groups[3]).await, away);
    }
    cluster.end().await;
}

#[tokio::test]
async fn the_controller_is_another_broker_while_the_leader_is_fenced() {
    let cluster = Cluster::settled().await;
    let leader = cluster.leader();
    cluster.fence(leader, true).await;
    for node in &cluster.brokers {
        let named = metadata_of(node, LATEST).await.controller_id;
        assert!((0..3).contains(&named) && named != leader as i32, "{named}");
    }
    cluster.end().await;
}

#[tokio::test]
async fn every_broker_tells_of_the_whole_quorum() {
    let cluster = Cluster::settled().await;
    let partition = describe_quorum::request::PartitionData { partition_index: 0 };
    let topic = describe_quorum::request::TopicData {
        topic_name: "__cluster_metadata".to_owned(),
        partitions: vec![partition],
    };
    let request = describe_quorum::Request { topics: vec![topic] };
    for node in &cluster.brokers {
        let is_told = |voter: &describe_quorum::response::ReplicaState| voter.last_fetch_timestamp >= 0;
        let mut response = node.ask::<DescribeQuorum>(2, request.clone()).await;
        // A leader has heard of all voters once each has answered a beat.
        for _ in 0..50 {
            if response.topics[0].partitions[0].current_voters.iter().all(is_told) {
                break;
            }
            node.runtime.clock.sleep(Duration::from_millis(100)).await;
            response = node.ask::<DescribeQuorum>(2, request.clone()).await;
        }
        assert_eq!(response.error_code, 0);
        assert_eq!(response.nodes.len(), 3);
        let told = &response.topics[0].partitions[0];
        assert_eq!(told.leader_id, cluster.leader() as i32);
        assert_eq!(told.current_voters.len(), 3);
        let now_ms = node.runtime.clock.now_ms();
        for voter in &told.current_voters {
            assert!(voter.log_end_offset > 0, "{voter:?}");
            assert!((now_ms - 10_000..=now_ms).contains(&voter.last_fetch_timestamp), "{voter:?}");
        }
    }
    cluster.end().await;
}
