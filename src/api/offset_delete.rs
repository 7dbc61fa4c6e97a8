//! OffsetDelete: deletes committed offsets of topics that no member of the group is subscribed to (KIP-496).
//! Version 0.
//! Left out: nothing.

use std::ops::RangeInclusive;

use super::context::Context;
use super::errors::Failure;
use super::handler::Handler;
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::offset_delete::{
    OffsetDeleteRequestTopic, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic, Request, Response,
};
use crate::types::Partition;

pub struct OffsetDelete;

impl Handler for OffsetDelete {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    async fn handle(context: Context, request: Request) -> Response {
        match delete(&context, &request).await {
            Ok(topics) => Response { topics, ..Response::default() },
            Err(failure) => Response { error_code: failure.code.into(), ..Response::default() },
        }
    }
}

async fn delete(context: &Context, request: &Request) -> Result<Vec<OffsetDeleteResponseTopic>, Failure> {
    let image = context.image();
    let coordinating = context.coordinator(&request.group_id).await?;
    let topics = once(&request.topics);
    let known: Vec<(&str, Vec<Partition>)> =
        topics.iter().map(|topic| (&*topic.name, known_partitions(&image, topic))).collect();
    let deleted = coordinating.coordinator.delete_offsets(&request.group_id, &known).await;
    let outcomes = coordinating.answered(deleted).await??;
    let code = |outcome: Result<(), _>| {
        outcome.map_or_else(|refusal| Failure::from(refusal).code, |()| ErrorCode::None)
    };
    let answers = topics.iter().zip(outcomes).map(|(topic, outcome)| {
        let code = code(outcome);
        let namesakes = request.topics.iter().filter(|other| other.name == topic.name);
        let unknown = namesakes.flat_map(indexes).filter(|index| !is_known(&image, topic, *index));
        let unknown = unknown.map(|index| answered(index, ErrorCode::UnknownTopicOrPartition));
        let known = indexes(topic).filter(|index| is_known(&image, topic, *index));
        let known = known.map(|index| answered(index, code));
        OffsetDeleteResponseTopic { name: topic.name.clone(), partitions: unknown.chain(known).collect() }
    });
    Ok(answers.collect())
}

fn indexes(topic: &OffsetDeleteRequestTopic) -> impl Iterator<Item = i32> {
    topic.partitions.iter().map(|partition| partition.partition_index)
}

/// Of topics that are named twice, Kafka sees the first where it knows the partitions.
fn once(topics: &[OffsetDeleteRequestTopic]) -> Vec<&OffsetDeleteRequestTopic> {
    let is_first = |at: usize, name: &str| topics[..at].iter().all(|earlier| earlier.name != name);
    topics
        .iter()
        .enumerate()
        .filter(|(at, topic)| is_first(*at, &topic.name))
        .map(|(_, topic)| topic)
        .collect()
}

fn is_known(image: &Image, topic: &OffsetDeleteRequestTopic, index: i32) -> bool {
    image.topic_by_name(&topic.name).is_some_and(|topic| topic.shard(index).is_some())
}

fn known_partitions(image: &Image, asked: &OffsetDeleteRequestTopic) -> Vec<Partition> {
    let Some(topic) = image.topic_by_name(&asked.name) else { return Vec::new() };
    indexes(asked)
        .filter(|index| topic.shard(*index).is_some())
        .map(|index| Partition { topic: topic.id, index })
        .collect()
}

fn answered(partition_index: i32, code: ErrorCode) -> OffsetDeleteResponsePartition {
    OffsetDeleteResponsePartition { partition_index, error_code: code.into() }
}
