//! DescribeQuorum: the state of the Raft group that agrees on the metadata (KIP-595).
//! Versions 0-2. 1: when replicas were last heard of (KIP-836). 2: directories and the addresses of nodes (KIP-853).
//! Left out: directories have no ids here. The nodes' addresses are those that clients use. While the leader does not answer,
//! a broker says what it knows itself: how far the others are is not known then.

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::metadata::{Image, Quorum, Replica};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_quorum::response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use crate::protocol::messages::describe_quorum::{Request, Response};

/// The name that Kafka gives the metadata's log; it has one partition.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// From here on an answer has the addresses of nodes, and before that no place for them.
const NODES_SINCE: i16 = 2;

pub struct DescribeQuorum;

impl Handler for DescribeQuorum {
    type Request = Request;
    const VERSIONS: Versions = 0..=2;

    async fn handle(context: Context, request: Request) -> Response {
        if !asks_for_metadata(&request) {
            return unknown(&request);
        }
        let quorum = context.broker.quorum().await;
        let image = context.image();
        let told = quorum.voters.iter().filter(|_| context.version >= NODES_SINCE);
        let nodes = told.filter_map(|voter| node(&image, voter)).collect();
        let partition = partition(&quorum);
        let topic = TopicData { topic_name: METADATA_TOPIC.to_owned(), partitions: vec![partition] };
        Response { topics: vec![topic], nodes, ..Response::default() }
    }
}

fn asks_for_metadata(request: &Request) -> bool {
    match request.topics.as_slice() {
        [topic] => {
            topic.topic_name == METADATA_TOPIC
                && matches!(topic.partitions.as_slice(), [partition] if partition.partition_index == 0)
        }
        _ => false,
    }
}

/// Every partition that was asked for, with the error (`KafkaRaftClient.handleDescribeQuorumRequest`).
fn unknown(request: &Request) -> Response {
    let topics = request.topics.iter().map(|topic| TopicData {
        topic_name: topic.topic_name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| PartitionData {
                partition_index: partition.partition_index,
                error_code: ErrorCode::UnknownTopicOrPartition.into(),
                error_message: Some("This server does not host this topic-partition.".to_owned()),
                ..PartitionData::default()
            })
            .collect(),
    });
    Response { topics: topics.collect(), ..Response::default() }
}

fn partition(quorum: &Quorum) -> PartitionData {
    let end = quorum.leader.and_then(|leader| quorum.member(leader)?.log_index);
    let state = |replica: &Replica| {
        let has_all = replica.log_index >= end;
        ReplicaState {
            replica_id: replica.id.0,
            log_end_offset: replica.log_index.map_or(-1, |index| offset(index) + 1),
            last_fetch_timestamp: replica.last_heard_ms.unwrap_or(-1),
            last_caught_up_timestamp: replica.last_heard_ms.filter(|_| has_all).unwrap_or(-1),
            ..ReplicaState::default()
        }
    };
    PartitionData {
        leader_id: quorum.leader.map_or(-1, |leader| leader.0),
        leader_epoch: i32::try_from(quorum.term).unwrap_or(i32::MAX),
        high_watermark: offset(quorum.index) + 1,
        current_voters: quorum.voters.iter().map(state).collect(),
        observers: quorum.learners.iter().map(state).collect(),
        ..PartitionData::default()
    }
}

fn offset(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX - 1)
}

fn node(image: &Image, voter: &Replica) -> Option<Node> {
    let broker = image.broker(voter.id)?;
    let listeners = broker.listeners.iter().map(|listener| Listener {
        name: listener.name.clone(),
        host: listener.host.clone(),
        port: listener.port,
    });
    Some(Node { node_id: voter.id.0, listeners: listeners.collect() })
}
