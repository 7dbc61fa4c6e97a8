//! CreatePartitions: more partitions for a topic (KIP-195).
//! Versions 0-3. 3: THROTTLING_QUOTA_EXCEEDED (KIP-599).
//! Left out: assignments are checked but do not place anything, since a partition lies on a shard.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use futures::future::join_all;

use super::context::{Broker, Context};
use super::errors::Failure;
use super::handler::Handler;
use crate::metadata::{Command, Image};
use crate::protocol::ErrorCode;
use crate::protocol::messages::create_partitions::{
    CreatePartitionsTopic, CreatePartitionsTopicResult, Request, Response,
};

pub struct CreatePartitions;

impl Handler for CreatePartitions {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 0..=3;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let mut named = HashMap::new();
        for topic in &request.topics {
            *named.entry(topic.name.as_str()).or_insert(0) += 1;
        }
        let results = request.topics.iter().map(|topic| {
            let repeated = named.get(topic.name.as_str()).is_some_and(|times| *times > 1);
            grow(&context.broker, &image, topic, repeated, request.validate_only)
        });
        Response { results: join_all(results).await, ..Response::default() }
    }
}

async fn grow(
    broker: &Broker,
    image: &Image,
    topic: &CreatePartitionsTopic,
    repeated: bool,
    validate_only: bool,
) -> CreatePartitionsTopicResult {
    let outcome = match repeated {
        true => Err(Failure::new(ErrorCode::InvalidRequest, "Duplicate topic name.".to_owned())),
        false => match command(broker, image, topic) {
            Ok(command) if validate_only => broker.validate(command).await,
            Ok(command) => broker.propose(command).await.map(drop),
            Err(failure) => Err(failure),
        },
    };
    let mut result = CreatePartitionsTopicResult { name: topic.name.clone(), ..Default::default() };
    if let Err(failure) = outcome {
        result.error_code = failure.code.into();
        result.error_message = failure.message;
    }
    result
}

fn command(broker: &Broker, image: &Image, asked: &CreatePartitionsTopic) -> Result<Command, Failure> {
    let topic = image.topic_by_name(&asked.name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let current = topic.partitions.len();
    let count = usize::try_from(asked.count).unwrap_or(0);
    if count == current {
        let message = format!("Topic already has {current} partition(s).");
        return Err(Failure::new(ErrorCode::InvalidPartitions, message));
    }
    if count < current {
        let message = format!(
            "The topic {} currently has {current} partition(s); {} would not be an increase.",
            asked.name, asked.count
        );
        return Err(Failure::new(ErrorCode::InvalidPartitions, message));
    }
    let added = count - current;
    if let Some(assignments) = &asked.assignments {
        if assignments.len() != added {
            let message = format!(
                "Attempted to add {added} additional partition(s), but only {} assignment(s) were specified.",
                assignments.len()
            );
            return Err(Failure::new(ErrorCode::InvalidReplicaAssignment, message));
        }
        for assignment in assignments {
            super::topics::validate_assignment(image, &assignment.broker_ids, Some(1))?;
        }
    }
    Ok(Command::CreatePartitions {
        id: topic.id,
        from: current as u32,
        placement: image.place(added as u32, broker.runtime.rng.below(u64::from(u32::MAX))),
    })
}
