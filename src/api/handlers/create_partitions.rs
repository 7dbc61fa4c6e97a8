//! CreatePartitions: more partitions for a topic (KIP-195).
//! Versions 0-3. 3: THROTTLING_QUOTA_EXCEEDED (KIP-599).
//! Left out: assignments are checked but do not place anything, since a partition lies on a shard.

use crate::api::context::{Broker, Context};
use crate::api::errors::{Failure, must_have_time};
use crate::api::handler::{Handler, Versions};
use crate::api::topics::{find_repeated, must_fit_one_request};
use crate::metadata::{Command, Image, Placing};
use crate::protocol::ErrorCode;
use crate::protocol::messages::create_partitions::{
    CreatePartitionsTopic, CreatePartitionsTopicResult, Request, Response,
};

pub struct CreatePartitions;

impl Handler for CreatePartitions {
    type Request = Request;
    const VERSIONS: Versions = 0..=3;

    async fn handle(context: Context, request: Request) -> Response {
        let (image, is_newest) = match context.newest().await {
            Ok(image) => (image, Ok(())),
            Err(failure) => (context.image(), Err(failure)),
        };
        let repeated = find_repeated(request.topics.iter().map(|topic| topic.name.as_str()));
        let single = request.topics.iter().filter(|topic| !repeated.contains(topic.name.as_str()));
        let single: Vec<&CreatePartitionsTopic> = single.collect();
        if let Err(failure) = check(&image, &request, &single) {
            let refused = request.topics.iter().map(|topic| result(&topic.name, Err(failure.clone())));
            return Response { results: refused.collect(), ..Response::default() };
        }
        let mut placing = Placing::of(&image);
        let plans = single.iter().map(|topic| {
            is_newest.clone()?;
            Ok((*topic, command(&context.broker, &image, &mut placing, topic)?))
        });
        let outcomes = context.carry_out(plans.collect(), request.validate_only).await;
        let results =
            single.iter().zip(outcomes).map(|(topic, outcome)| result(&topic.name, outcome.map(drop)));
        let mut results: Vec<_> = results.collect();
        let duplicate = || Failure::new(ErrorCode::InvalidRequest, "Duplicate topic name.".to_owned());
        results.extend(repeated.into_iter().map(|name| result(name, Err(duplicate()))));
        Response { results, ..Response::default() }
    }
}

/// Refusals of a whole request, before anything is built of what it asks for.
fn check(image: &Image, request: &Request, topics: &[&CreatePartitionsTopic]) -> Result<(), Failure> {
    if topics.is_empty() {
        return Ok(());
    }
    must_have_time(request.timeout_ms)?;
    must_fit_one_request(
        "additional partitions",
        topics.iter().filter_map(|asked| {
            let topic = image.topic_by_name(&asked.name)?;
            Some(usize::try_from(asked.count).unwrap_or(0).saturating_sub(topic.partitions.len()))
        }),
    )
}

fn result(name: &str, outcome: Result<(), Failure>) -> CreatePartitionsTopicResult {
    let result = outcome.err().map_or_else(Default::default, Failure::into);
    CreatePartitionsTopicResult { name: name.to_owned(), ..result }
}

fn command(
    broker: &Broker,
    image: &Image,
    placing: &mut Placing,
    asked: &CreatePartitionsTopic,
) -> Result<Command, Failure> {
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
            crate::api::topics::validate_assignment(image, &assignment.broker_ids, Some(1))?;
        }
    }
    Ok(Command::CreatePartitions {
        id: topic.id,
        from: current as u32,
        placement: placing.place(added as u32, broker.runtime.rng.below(u64::from(u32::MAX))),
    })
}
