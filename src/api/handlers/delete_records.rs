//! DeleteRecords: makes a later offset the start of a partition (KIP-107).
//! Versions 0-2.
//! Left out: nothing. The new start is durable before it is answered. A topic that is only compacted keeps its records
//! (Kafka's `Partition.deleteRecordsOnLeader`).

use crate::api::context::Context;
use crate::api::errors::{Failure, TimedOut};
use crate::api::handler::{Handler, Versions};
use crate::api::together::join_all;
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsTopicResult, Request, Response,
};
use crate::runtime::clock::Instant;

/// Asks for everything up to the high watermark.
const HIGH_WATERMARK: i64 = -1;

pub struct DeleteRecords;

impl Handler for DeleteRecords {
    type Request = Request;
    const VERSIONS: Versions = 0..=2;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let (context, image) = (&context, &image);
        let deadline = context.deadline();
        let asked = request.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| (topic.name.as_str(), partition.partition_index))
        });
        context.broker.prepare_named(image, asked).await;
        let topics = request.topics.iter().map(|topic| async move {
            let results =
                topic.partitions.iter().map(|asked| delete(context, image, &topic.name, asked, deadline));
            DeleteRecordsTopicResult { name: topic.name.clone(), partitions: join_all(results).await }
        });
        Response { topics: join_all(topics).await, ..Response::default() }
    }
}

async fn delete(
    context: &Context,
    image: &Image,
    topic: &str,
    asked: &DeleteRecordsPartition,
    deadline: Instant,
) -> DeleteRecordsPartitionResult {
    let mut result = DeleteRecordsPartitionResult {
        partition_index: asked.partition_index,
        low_watermark: -1,
        ..DeleteRecordsPartitionResult::default()
    };
    let deleting = low_watermark(context, image, topic, asked);
    let outcome = context.broker.runtime.clock.timeout_at(deadline, deleting).await;
    match outcome.unwrap_or_else(|_| Err(TimedOut.into())) {
        Ok(offset) => result.low_watermark = offset,
        Err(failure) => result.error_code = failure.code.into(),
    }
    result
}

async fn low_watermark(
    context: &Context,
    image: &Image,
    topic: &str,
    asked: &DeleteRecordsPartition,
) -> Result<i64, Failure> {
    let topic = image.topic_by_name(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let led = context.broker.lead(image, topic, asked.partition_index, -1)?;
    let cleanup = context.broker.topic_settings(image, topic).cleanup;
    if cleanup.compact && !cleanup.delete {
        return Err(ErrorCode::PolicyViolation.into());
    }
    let high_watermark = led.shard.partition(led.partition).await?.high_watermark();
    let before = if asked.offset == HIGH_WATERMARK { high_watermark } else { asked.offset };
    if before < 0 || before > high_watermark {
        // The next owner may have taken more.
        led.must_still_own(&context.broker).await?;
        return Err(ErrorCode::OffsetOutOfRange.into());
    }
    Ok(led.shard.delete_records(led.partition, before).await?)
}
