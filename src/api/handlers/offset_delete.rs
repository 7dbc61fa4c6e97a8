//! OffsetDelete: deletes committed offsets of topics that no member of the group is subscribed to (KIP-496).
//! Version 0.
//! Left out: nothing.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::coordinator::group::offsets::DeleteOffsets;
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::offset_delete::{
    OffsetDeleteRequestTopic, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic, Request, Response,
};
use crate::types::Partition;

pub struct OffsetDelete;

impl Handler for OffsetDelete {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(context: Context, request: Request) -> Result<Response, Failure> {
        let image = context.image();
        let coordinating = context.coordinator(&request.group_id).await?;
        let topics = request.topics.iter().map(|topic| (&*topic.name, known_partitions(&image, topic)));
        let known: Vec<_> = topics.filter(|(_, partitions)| !partitions.is_empty()).collect();
        let deleted = coordinating.coordinator.ask(&request.group_id, DeleteOffsets { topics: &known }).await;
        let outcomes = coordinating.answered(deleted).await??;
        let rows = known.iter().zip(outcomes).map(|((name, partitions), outcome)| {
            let code = outcome.map_or_else(|refusal| Failure::from(refusal).code, |()| ErrorCode::None);
            row(name, partitions.iter().map(|partition| partition.index), code)
        });
        let topics = merged(unknown(&image, &request.topics), rows.collect());
        Ok(Response { topics, ..Response::default() })
    }
}

/// Partitions that do not exist, each topic once.
fn unknown(image: &Image, topics: &[OffsetDeleteRequestTopic]) -> Vec<OffsetDeleteResponseTopic> {
    let mut rows = Vec::new();
    for topic in topics {
        let there = image.topic_by_name(&topic.name);
        let indexes = topic.partitions.iter().map(|partition| partition.partition_index);
        let indexes: Vec<i32> =
            indexes.filter(|index| there.is_none_or(|there| there.shard(*index).is_none())).collect();
        if there.is_none() || !indexes.is_empty() {
            let unknown = row(&topic.name, indexes.into_iter(), ErrorCode::UnknownTopicOrPartition);
            rows = merged(rows, vec![unknown]);
        }
    }
    rows
}

/// As Kafka does it (`OffsetDeleteResponse.Builder.merge`): a topic that was named twice stands there twice, unless
/// there are rows to merge it with.
fn merged(
    mut rows: Vec<OffsetDeleteResponseTopic>,
    more: Vec<OffsetDeleteResponseTopic>,
) -> Vec<OffsetDeleteResponseTopic> {
    if rows.is_empty() {
        return more;
    }
    for one in more {
        match rows.iter_mut().find(|row| row.name == one.name) {
            Some(row) => row.partitions.extend(one.partitions),
            None => rows.push(one),
        }
    }
    rows
}

fn known_partitions(image: &Image, asked: &OffsetDeleteRequestTopic) -> Vec<Partition> {
    let Some(topic) = image.topic_by_name(&asked.name) else { return Vec::new() };
    let indexes = asked.partitions.iter().map(|partition| partition.partition_index);
    indexes
        .filter(|index| topic.shard(*index).is_some())
        .map(|index| Partition { topic: topic.id, index })
        .collect()
}

fn row(name: &str, indexes: impl Iterator<Item = i32>, code: ErrorCode) -> OffsetDeleteResponseTopic {
    let answered =
        |partition_index| OffsetDeleteResponsePartition { partition_index, error_code: code.into() };
    OffsetDeleteResponseTopic { name: name.to_owned(), partitions: indexes.map(answered).collect() }
}
