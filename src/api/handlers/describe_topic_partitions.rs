//! DescribeTopicPartitions: topics in pages of partitions (KIP-966).
//! Version 0.
//! Left out: eligible leader replicas are empty, since a partition's one replica is the owner of its shard.

use std::collections::BTreeSet;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::api::operations;
use crate::api::topics::{self, Leadership};
use crate::metadata::{Image, check_topic_name};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_topic_partitions::{
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic, Request, Response,
    response::Cursor,
};

/// The most partitions in one answer (`max.request.partition.size.limit`).
const PARTITIONS_MAX: i32 = 2000;

pub struct DescribeTopicPartitions;

impl Handler for DescribeTopicPartitions {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(context: Context, request: Request) -> Response {
        let mut image = context.image();
        let is_unknown = |name: &str| image.topic_by_name(name).is_none() && check_topic_name(name).is_ok();
        if request.topics.iter().any(|topic| is_unknown(&topic.name)) {
            image = context.look_again().await.unwrap_or(image);
        }
        let (from_topic, from_partition) =
            request.cursor.as_ref().map_or(("", 0), |c| (c.topic_name.as_str(), c.partition_index));
        let all = request.topics.is_empty();
        let asked: BTreeSet<&str> = if all {
            image.topics.iter().map(|topic| topic.name.as_ref()).filter(|name| *name >= from_topic).collect()
        } else {
            request.topics.iter().map(|t| t.name.as_str()).filter(|name| *name >= from_topic).collect()
        };
        let cursor_is_wrong =
            from_partition < 0 || (request.cursor.is_some() && !all && !asked.contains(from_topic));
        if cursor_is_wrong {
            return refuse(&request, ErrorCode::InvalidRequest);
        }
        let limit = request.response_partition_limit.clamp(1, PARTITIONS_MAX) as usize;
        let mut page = Page {
            image: &image,
            listener: &context.client.session.listener,
            left: limit,
            response: Response::default(),
        };
        for name in asked {
            let first = if name == from_topic { from_partition } else { 0 };
            if !page.add(name, first, all) {
                break;
            }
        }
        page.response
    }
}

fn refuse(request: &Request, code: ErrorCode) -> Response {
    let topics = request.topics.iter().map(|topic| DescribeTopicPartitionsResponseTopic {
        error_code: code.into(),
        name: Some(topic.name.clone()),
        ..DescribeTopicPartitionsResponseTopic::default()
    });
    Response { topics: topics.collect(), ..Response::default() }
}

fn missing(name: &str, code: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: code.into(),
        name: Some(name.to_owned()),
        is_internal: topics::is_internal(name),
        topic_authorized_operations: operations::TOPIC,
        ..DescribeTopicPartitionsResponseTopic::default()
    }
}

struct Page<'a> {
    image: &'a Image,
    listener: &'a str,
    left: usize,
    response: Response,
}

impl Page<'_> {
    /// Adds a topic from partition `first` on. False once the page is full, with the cursor set.
    fn add(&mut self, name: &str, first: i32, all: bool) -> bool {
        if self.left == 0 {
            self.stop_at(name, first);
            return false;
        }
        let Some(topic) = self.image.topic_by_name(name) else {
            if !all {
                let code = match check_topic_name(name) {
                    Ok(()) => ErrorCode::UnknownTopicOrPartition,
                    Err(refused) => Failure::from(refused).code,
                };
                self.response.topics.push(missing(name, code));
            }
            return true;
        };
        let mut rest = topic.partitions().skip(first as usize).peekable();
        let mut partitions = Vec::new();
        while self.left > 0
            && let Some((partition, shard)) = rest.next()
        {
            let seen = Leadership::of(self.image, shard).seen_at(self.image, self.listener);
            partitions.push(describe_partition(partition.index, seen));
            self.left -= 1;
        }
        self.response.topics.push(DescribeTopicPartitionsResponseTopic {
            name: Some(name.to_owned()),
            topic_id: topic.id.0,
            is_internal: topics::is_internal(name),
            partitions,
            topic_authorized_operations: operations::TOPIC,
            ..DescribeTopicPartitionsResponseTopic::default()
        });
        if let Some((next, _)) = rest.peek() {
            self.stop_at(name, next.index);
            return false;
        }
        true
    }

    fn stop_at(&mut self, topic: &str, partition_index: i32) {
        self.response.next_cursor = Some(Cursor { topic_name: topic.to_owned(), partition_index });
    }
}

fn describe_partition(index: i32, leadership: Leadership) -> DescribeTopicPartitionsResponsePartition {
    // As in Kafka, a partition without a leader has no error here.
    DescribeTopicPartitionsResponsePartition {
        partition_index: index,
        leader_id: leadership.leader,
        leader_epoch: leadership.epoch,
        replica_nodes: leadership.replicas.clone(),
        isr_nodes: leadership.replicas,
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        offline_replicas: leadership.offline,
        ..DescribeTopicPartitionsResponsePartition::default()
    }
}
