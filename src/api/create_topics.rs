//! CreateTopics: makes topics.
//! Versions 2-7. 4: -1 for the default of partitions and replicas (KIP-464). 5: the topic's configs in the answer
//! (KIP-525). 6: THROTTLING_QUOTA_EXCEEDED (KIP-599). 7: topic ids.
//! Left out: replicas. Any replication factor is taken, and 1 is what the answer says: the object store does the rest.
//! Assignments are checked but do not place anything, since a partition lies on a shard.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use futures::future::join_all;

use super::context::{Broker, Context};
use super::errors::Failure;
use super::handler::Handler;
use super::topics::{Creation, validate_assignment};
use crate::metadata::{IfExists, Image, REPLICATION_FACTOR, Refused, check_topic_name};
use crate::protocol::ErrorCode;
use crate::protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, Request, Response,
};
use crate::settings::{Described, describe_topic, validate_topic};
use crate::types::TopicId;

pub struct CreateTopics;

impl Handler for CreateTopics {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 2..=7;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let mut named = HashMap::new();
        for topic in &request.topics {
            *named.entry(topic.name.as_str()).or_insert(0) += 1;
        }
        let (repeated, single): (Vec<_>, Vec<_>) = request
            .topics
            .iter()
            .partition(|topic| named.get(topic.name.as_str()).is_some_and(|times| *times > 1));
        let created =
            single.into_iter().map(|topic| create(&context.broker, &image, topic, request.validate_only));
        let mut topics = join_all(created).await;
        let mut refused: Vec<&str> = repeated.iter().map(|topic| topic.name.as_str()).collect();
        refused.sort_unstable();
        refused.dedup();
        let duplicate = || Failure::new(ErrorCode::InvalidRequest, "Duplicate topic name.".to_owned());
        topics.extend(refused.into_iter().map(|name| refuse(name, duplicate())));
        Response { topics, ..Response::default() }
    }
}

async fn create(
    broker: &Broker,
    image: &Image,
    topic: &CreatableTopic,
    validate_only: bool,
) -> CreatableTopicResult {
    let configs = topic.configs.iter().map(|c| (c.name.clone(), c.value.clone()));
    let configs: BTreeMap<String, Option<String>> = configs.collect();
    match propose(broker, image, topic, &configs, validate_only).await {
        Ok((id, partitions)) => CreatableTopicResult {
            name: topic.name.clone(),
            topic_id: id.0,
            num_partitions: partitions as i32,
            replication_factor: REPLICATION_FACTOR,
            configs: Some(describe(broker, image, &set(&configs))),
            error_message: None,
            ..CreatableTopicResult::default()
        },
        Err(failure) => refuse(&topic.name, failure),
    }
}

/// Checks in the order of `ReplicationControlManager.createTopics`.
async fn propose(
    broker: &Broker,
    image: &Image,
    topic: &CreatableTopic,
    configs: &BTreeMap<String, Option<String>>,
    validate_only: bool,
) -> Result<(TopicId, u32), Failure> {
    if topic.name == "__cluster_metadata" {
        let message = "Creation of internal topic __cluster_metadata is prohibited.".to_owned();
        return Err(Failure::new(ErrorCode::InvalidRequest, message));
    }
    check_topic_name(&topic.name)?;
    if image.topic_by_name(&topic.name).is_some() {
        return Err(Refused::TopicExists(topic.name.clone()).into());
    }
    if let Some((name, _)) = configs.iter().find(|(_, value)| value.is_none()) {
        let message = format!("Null value not supported for topic configs: {name}");
        return Err(Failure::new(ErrorCode::InvalidConfig, message));
    }
    validate_topic(configs.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?))))?;
    let partitions = partitions(broker, image, topic)?;
    let creation =
        Creation { name: topic.name.clone(), partitions, configs: set(configs), if_exists: IfExists::Refuse };
    if validate_only {
        let command = creation.command(broker, image);
        broker.validate(command).await?;
        // Kafka tells an id here too, of no topic.
        return Ok((TopicId(broker.runtime.rng.uuid()), partitions));
    }
    Ok((creation.propose(broker, image).await?, partitions))
}

/// How many partitions are asked for, by number or by assignment.
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

fn set(configs: &BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    configs.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect()
}

fn describe(
    broker: &Broker,
    image: &Image,
    configs: &BTreeMap<String, String>,
) -> Vec<CreatableTopicConfigs> {
    let described = broker.with_layers(image, |layers| describe_topic(configs, layers));
    let entry = |config: Described| CreatableTopicConfigs {
        name: config.name.to_owned(),
        value: config.value,
        read_only: config.read_only,
        config_source: config.source as i8,
        is_sensitive: config.sensitive,
    };
    described.into_iter().map(entry).collect()
}

fn refuse(name: &str, failure: Failure) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.to_owned(),
        error_code: failure.code.into(),
        error_message: failure.message,
        ..CreatableTopicResult::default()
    }
}
