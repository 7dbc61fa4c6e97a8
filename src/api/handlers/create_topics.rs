//! CreateTopics: makes topics.
//! Versions 2-7. 4: -1 for the default of partitions and replicas (KIP-464). 5: the topic's configs in the answer
//! (KIP-525). 6: THROTTLING_QUOTA_EXCEEDED (KIP-599). 7: topic ids.
//! Left out: replicas. Any replication factor is taken, and 1 is what the answer says: the object store does the rest.
//! Assignments are checked but do not place anything, since a partition lies on a shard.

use std::collections::BTreeMap;

use crate::api::context::{Broker, Context};
use crate::api::errors::{Failure, must_have_time};
use crate::api::handler::{Handler, Versions};
use crate::api::topics::{Creation, find_repeated, is_reserved, must_fit_one_request, validate_assignment};
use crate::metadata::{Command, IfExists, Image, Placing, REPLICATION_FACTOR, Refused, check_topic_name};
use crate::protocol::ErrorCode;
use crate::protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, Request, Response,
};
use crate::settings::{Described, describe_topic, validate_topic};
use crate::types::TopicId;

pub struct CreateTopics;

impl Handler for CreateTopics {
    type Request = Request;
    const VERSIONS: Versions = 2..=7;

    async fn handle(context: Context, request: Request) -> Response {
        let repeated = find_repeated(request.topics.iter().map(|topic| topic.name.as_str()));
        let single = request.topics.iter().filter(|topic| !repeated.contains(topic.name.as_str()));
        let single: Vec<&CreatableTopic> = single.collect();
        if let Err(failure) = check(&context, &request, &single) {
            let refused = request.topics.iter().map(|topic| refuse(&topic.name, failure.clone()));
            return Response { topics: refused.collect(), ..Response::default() };
        }
        let mut topics = match single.is_empty() {
            true => Vec::new(),
            false => create(&context, &single, request.validate_only).await,
        };
        let duplicate = || Failure::new(ErrorCode::InvalidRequest, "Duplicate topic name.".to_owned());
        topics.extend(repeated.into_iter().map(|name| refuse(name, duplicate())));
        Response { topics, ..Response::default() }
    }
}

/// Refusals of a whole request, before anything is built of what it asks for.
fn check(context: &Context, request: &Request, topics: &[&CreatableTopic]) -> Result<(), Failure> {
    if topics.is_empty() {
        return Ok(());
    }
    must_have_time(request.timeout_ms)?;
    must_fit_one_request(
        "partitions",
        topics.iter().map(|topic| match (topic.assignments.len(), topic.num_partitions) {
            (0, -1) => context.broker.options.default_partitions as usize,
            (0, count) => usize::try_from(count).unwrap_or(0),
            (assigned, _) => assigned,
        }),
    )
}

/// A topic that can be made, as far as this broker knows.
struct Plan {
    id: TopicId,
    partitions: usize,
    configs: BTreeMap<String, String>,
}

async fn create(
    context: &Context,
    topics: &[&CreatableTopic],
    validate_only: bool,
) -> Vec<CreatableTopicResult> {
    let broker = &context.broker;
    let image = match context.newest().await {
        Ok(image) => image,
        Err(failure) => return topics.iter().map(|topic| refuse(&topic.name, failure.clone())).collect(),
    };
    let mut placing = Placing::of(&image);
    let plans = topics.iter().map(|topic| {
        let creation = creation(broker, &image, topic)?;
        let configs = creation.configs.clone();
        let new = creation.topic(broker, &mut placing);
        // Kafka tells an id even if the topic is not made.
        let plan = Plan { id: new.id, partitions: new.placement.len(), configs };
        Ok((plan, Command::CreateTopic(new)))
    });
    let outcomes = context.carry_out(plans.collect(), validate_only).await;
    let results = outcomes.into_iter().zip(topics).map(|(outcome, topic)| match outcome {
        Ok(plan) => CreatableTopicResult {
            name: topic.name.clone(),
            topic_id: plan.id.0,
            num_partitions: plan.partitions as i32,
            replication_factor: REPLICATION_FACTOR,
            configs: Some(describe(broker, &image, &plan.configs)),
            error_message: None,
            ..CreatableTopicResult::default()
        },
        Err(failure) => refuse(&topic.name, failure),
    });
    results.collect()
}

/// Checks in the order of `ReplicationControlManager.createTopics`.
fn creation(broker: &Broker, image: &Image, topic: &CreatableTopic) -> Result<Creation, Failure> {
    if is_reserved(&topic.name) {
        let message = format!("Creation of internal topic {} is prohibited.", topic.name);
        return Err(Failure::new(ErrorCode::InvalidRequest, message));
    }
    check_topic_name(&topic.name)?;
    if image.topic_by_name(&topic.name).is_some() {
        return Err(Refused::TopicExists(topic.name.clone()).into());
    }
    if let Some(config) = topic.configs.iter().find(|config| config.value.is_none()) {
        let message = format!("Null value not supported for topic configs: {}", config.name);
        return Err(Failure::new(ErrorCode::InvalidConfig, message));
    }
    let configs =
        topic.configs.iter().filter_map(|config| Some((config.name.clone(), config.value.clone()?)));
    let configs: BTreeMap<String, String> = configs.collect();
    validate_topic(configs.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    let partitions = partitions(broker, image, topic)?;
    Ok(Creation { name: topic.name.clone(), partitions, configs, if_exists: IfExists::Refuse })
}

/// The number of partitions asked for, by number or by assignment.
fn partitions(broker: &Broker, image: &Image, topic: &CreatableTopic) -> Result<u32, Failure> {
    let refuse = |code, message: &str| Err(Failure::new(code, message.to_owned()));
    if topic.assignments.is_empty() {
        if topic.replication_factor < -1 || topic.replication_factor == 0 {
            let message = "Replication factor must be larger than 0, or -1 to use the default value.";
            return refuse(ErrorCode::InvalidReplicationFactor, message);
        }
        return match topic.num_partitions {
            -1 => Ok(broker.options.default_partitions),
            count if count > 0 => Ok(count as u32),
            _ => refuse(
                ErrorCode::InvalidPartitions,
                "Number of partitions was set to an invalid non-positive value.",
            ),
        };
    }
    if topic.replication_factor != -1 {
        let message =
            "A manual partition assignment was specified, but replication factor was not set to -1.";
        return refuse(ErrorCode::InvalidRequest, message);
    }
    if topic.num_partitions != -1 {
        let message = "A manual partition assignment was specified, but numPartitions was not set to -1.";
        return refuse(ErrorCode::InvalidRequest, message);
    }
    let mut replicas = None;
    let mut indexes = BTreeMap::new();
    for assignment in &topic.assignments {
        if indexes.insert(assignment.partition_index, ()).is_some() {
            let message = format!(
                "Found multiple manual partition assignments for partition {}",
                assignment.partition_index
            );
            return refuse(ErrorCode::InvalidReplicaAssignment, &message);
        }
        validate_assignment(image, &assignment.broker_ids, replicas)?;
        replicas = Some(assignment.broker_ids.len());
    }
    if !indexes.keys().copied().eq(0..indexes.len() as i32) {
        let message = "partitions should be a consecutive 0-based integer sequence";
        return refuse(ErrorCode::InvalidReplicaAssignment, message);
    }
    Ok(indexes.len() as u32)
}

fn describe(
    broker: &Broker,
    image: &Image,
    configs: &BTreeMap<String, String>,
) -> Vec<CreatableTopicConfigs> {
    let described = broker.with_layers(image, |layers| describe_topic(configs, layers));
    let entry = |config: Described| CreatableTopicConfigs {
        name: config.name.into_owned(),
        value: config.value,
        read_only: config.read_only,
        config_source: config.source as i8,
        is_sensitive: config.sensitive,
    };
    described.into_iter().map(entry).collect()
}

fn refuse(name: &str, failure: Failure) -> CreatableTopicResult {
    CreatableTopicResult { name: name.to_owned(), ..failure.into() }
}
