//! OffsetForLeaderEpoch: where a leader epoch ends, for clients that check whether their log and ours diverge (KIP-320).
//! Versions 2-4. 3: replica id.
//! Left out: nothing.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::api::together::join_all;
use crate::log::EpochEnd;
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderPartition, OffsetForLeaderTopicResult, Request, Response,
};
use crate::types::LeaderEpoch;

pub struct OffsetForLeaderEpoch;

impl Handler for OffsetForLeaderEpoch {
    type Request = Request;
    const VERSIONS: Versions = 2..=4;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let (context, image) = (&context, &image);
        let asked = request.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| (topic.topic.as_str(), partition.partition))
        });
        context.broker.prepare_named(image, asked).await;
        let topics = request.topics.iter().map(|topic| async move {
            let ends =
                topic.partitions.iter().map(|partition| describe(context, image, &topic.topic, partition));
            OffsetForLeaderTopicResult { topic: topic.topic.clone(), partitions: join_all(ends).await }
        });
        Response { topics: join_all(topics).await, ..Response::default() }
    }
}

async fn describe(
    context: &Context,
    image: &Image,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> EpochEndOffset {
    let mut answer = EpochEndOffset { partition: asked.partition, ..EpochEndOffset::default() };
    match find(context, image, topic, asked).await {
        Ok(Some(end)) => {
            answer.leader_epoch = end.epoch.0;
            answer.end_offset = end.end_offset;
        }
        Ok(None) => {}
        Err(failure) => answer.error_code = failure.code.into(),
    }
    answer
}

async fn find(
    context: &Context,
    image: &Image,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> Result<Option<EpochEnd>, Failure> {
    let topic = image.topic_by_name(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let led = context.broker.lead(image, topic, asked.partition, asked.current_leader_epoch)?;
    if asked.leader_epoch < 0 {
        return Ok(None);
    }
    led.must_still_own(&context.broker).await?;
    Ok(led.shard.partition(led.partition).await?.end_offset_for(LeaderEpoch(asked.leader_epoch)))
}
