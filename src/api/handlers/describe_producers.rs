//! DescribeProducers: the producers that a partition remembers (KIP-664).
//! Version 0.
//! Left out: transactions, so no producer has one open.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::api::together::join_all;
use crate::log::keys::ProducerEntry;
use crate::metadata::{Image, check_topic_name};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_producers::{
    PartitionResponse, ProducerState, Request, Response, TopicResponse,
};

/// No coordinator has written to the partition for this producer (`ProducerStateEntry`).
const NO_COORDINATOR_EPOCH: i32 = -1;

pub struct DescribeProducers;

impl Handler for DescribeProducers {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let (context, image) = (&context, &image);
        let topics = request.topics.iter().map(|topic| async move {
            let partitions = topic.partition_indexes.iter();
            let described = partitions.map(|index| describe(context, image, &topic.name, *index));
            TopicResponse { name: topic.name.clone(), partitions: join_all(described).await }
        });
        Response { topics: join_all(topics).await, ..Response::default() }
    }
}

async fn describe(context: &Context, image: &Image, topic: &str, index: i32) -> PartitionResponse {
    let mut answer = PartitionResponse { partition_index: index, ..PartitionResponse::default() };
    match producers(context, image, topic, index).await {
        Ok(producers) => answer.active_producers = producers.iter().map(state).collect(),
        Err(failure) => {
            answer.error_code = failure.code.into();
            answer.error_message = failure.message;
        }
    }
    answer
}

async fn producers(
    context: &Context,
    image: &Image,
    topic: &str,
    index: i32,
) -> Result<Vec<ProducerEntry>, Failure> {
    check_topic_name(topic)?;
    let unknown = || {
        let message = "This server does not host this topic-partition.".to_owned();
        Failure::new(ErrorCode::UnknownTopicOrPartition, message)
    };
    let topic = image.topic_by_name(topic).ok_or_else(unknown)?;
    let led = context.broker.lead(image, topic, index, -1)?;
    Ok(led.shard.producers(led.partition).await?)
}

fn state(producer: &ProducerEntry) -> ProducerState {
    let last = producer.batches.last();
    ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch.into(),
        last_sequence: last.map_or(-1, |run| run.last_sequence),
        last_timestamp: last.map_or(-1, |run| run.timestamp),
        coordinator_epoch: NO_COORDINATOR_EPOCH,
        current_txn_start_offset: -1,
    }
}
