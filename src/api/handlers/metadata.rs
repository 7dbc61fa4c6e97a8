//! Metadata: brokers, topics, and who leads their partitions.
//! Versions 0-13. 1: all topics asked for by null, racks, controller. 2: cluster id. 4: creation can be declined. 7: leader
//! epochs. 8: authorised operations (KIP-430). 10: topic ids. 12: lookup by id. 13: an error for the whole answer
//! (KIP-1102).
//! Left out: REBOOTSTRAP_REQUIRED is never sent. A topic that is created by asking is in the answer at once, where Kafka
//! says UNKNOWN_TOPIC_OR_PARTITION until the next try. A broker whose partitions others have just taken is listed for two seconds
//! more, about as long as a Kafka takes to notice.

use std::sync::Arc;

use crate::api::context::Context;
use crate::api::errors::{Failure, not_created};
use crate::api::handler::{Handler, Versions};
use crate::api::operations;
use crate::api::topics::{self, Leadership, NOBODY};
use crate::metadata::{Image, Topic, check_topic_name};
use crate::protocol::ErrorCode;
use crate::protocol::messages::metadata::{
    MetadataRequestTopic, MetadataResponsePartition, MetadataResponseTopic, Request, Response,
};
use crate::types::TopicId;

/// From here on topics may be asked for by id.
const IDS_SINCE: i16 = 12;

/// From here on clients know LISTENER_NOT_FOUND (KIP-302).
const LISTENER_ERRORS_SINCE: i16 = 6;

pub struct Metadata;

impl Handler for Metadata {
    type Request = Request;
    const VERSIONS: Versions = 0..=13;

    async fn handle(context: Context, request: Request) -> Response {
        let asked = request.topics.as_deref().unwrap_or_default();
        if context.version < IDS_SINCE
            && asked.iter().any(|topic| topic.name.is_none() || !topic.topic_id.is_nil())
        {
            return refuse(asked);
        }
        let topics = find_topics(&context, &request).await;
        let image = context.image();
        let with_topic_operations = request.include_topic_authorized_operations;
        Response {
            brokers: topics::endpoints(&context.broker, &image, &context.client.session.listener),
            cluster_id: Some(image.cluster_id.to_string()),
            controller_id: context.broker.controller(&image).map_or(NOBODY, |id| id.0),
            topics: topics
                .into_iter()
                .map(|found| found.describe(&context, &image, with_topic_operations))
                .collect(),
            cluster_authorized_operations: if request.include_cluster_authorized_operations {
                operations::CLUSTER
            } else {
                operations::NOT_ASKED
            },
            ..Response::default()
        }
    }
}

/// Refuses a request as a whole (`MetadataRequest.getErrorResponse`).
fn refuse(asked: &[MetadataRequestTopic]) -> Response {
    let topics = asked.iter().map(|topic| MetadataResponseTopic {
        error_code: ErrorCode::InvalidRequest.into(),
        // Before version 12 the name in an answer cannot be null.
        name: Some(topic.name.clone().unwrap_or_default()),
        topic_id: topic.topic_id,
        ..MetadataResponseTopic::default()
    });
    Response { topics: topics.collect(), ..Response::default() }
}

/// A topic that was asked for, or why it is missing.
enum Found {
    Topic(Arc<Topic>),
    Missing { name: Option<String>, id: TopicId, error: ErrorCode },
}

async fn find_topics(context: &Context, request: &Request) -> Vec<Found> {
    let all = match &request.topics {
        None => true,
        Some(topics) => context.version == 0 && topics.is_empty(),
    };
    let image = context.image();
    if all {
        return image.topics.iter().map(|topic| Found::Topic(topic.clone())).collect();
    }
    let asked = request.topics.as_deref().unwrap_or_default();
    let has_ids = asked.iter().any(|topic| !topic.topic_id.is_nil());
    let create = request.allow_auto_topic_creation && context.broker.options.auto_create_topics;
    let mut names: Vec<&str> = asked.iter().filter_map(|topic| topic.name.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    let look = |image: &Image| match has_ids {
        true => by_id(image, asked),
        false => names.iter().map(|name| by_name(image, name)).collect(),
    };
    let mut found = look(&image);
    if create && !has_ids {
        create_missing(context, &mut found).await;
    } else if found.iter().any(Found::is_unknown)
        && let Some(newer) = context.look_again().await
    {
        found = look(&newer);
    }
    found
}

fn by_id(image: &Image, asked: &[MetadataRequestTopic]) -> Vec<Found> {
    let ids = asked.iter().map(|topic| TopicId(topic.topic_id)).filter(|id| *id != TopicId::ZERO);
    ids.map(|id| match image.topic(id) {
        Some(topic) => Found::Topic(topic.clone()),
        None => Found::Missing { name: None, id, error: ErrorCode::UnknownTopicId },
    })
    .collect()
}

fn by_name(image: &Image, name: &str) -> Found {
    if let Some(topic) = image.topic_by_name(name) {
        return Found::Topic(topic.clone());
    }
    let error = match check_topic_name(name) {
        Err(refused) => Failure::from(refused).code,
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
    };
    Found::Missing { name: Some(name.to_owned()), id: TopicId::ZERO, error }
}

/// Makes the topics that are missing and may be made by asking for them.
async fn create_missing(context: &Context, found: &mut [Found]) {
    let missing: Vec<(usize, String)> = found
        .iter()
        .enumerate()
        .filter_map(|(place, found)| match found {
            Found::Missing { name: Some(name), error: ErrorCode::UnknownTopicOrPartition, .. } => {
                (!topics::is_reserved(name)).then(|| (place, name.clone()))
            }
            Found::Missing { .. } | Found::Topic(_) => None,
        })
        .collect();
    if missing.is_empty() {
        return;
    }
    let names: Vec<&str> = missing.iter().map(|(_, name)| name.as_str()).collect();
    let created = topics::create_automatically(context, &names).await;
    for ((place, name), created) in missing.into_iter().zip(created) {
        found[place] = match created {
            Ok(topic) => Found::Topic(topic),
            Err(failure) => {
                Found::Missing { name: Some(name), id: TopicId::ZERO, error: not_created(&failure).code }
            }
        };
    }
}

impl Found {
    fn is_unknown(&self) -> bool {
        let unknown = [ErrorCode::UnknownTopicOrPartition, ErrorCode::UnknownTopicId];
        matches!(self, Found::Missing { error, .. } if unknown.contains(error))
    }

    fn describe(self, context: &Context, image: &Image, with_operations: bool) -> MetadataResponseTopic {
        // Of a topic that is named, even if it is not there.
        let operations = if with_operations { operations::TOPIC } else { operations::NOT_ASKED };
        match self {
            Found::Topic(topic) => MetadataResponseTopic {
                name: Some(topic.name.to_string()),
                topic_id: topic.id.0,
                is_internal: topics::is_internal(&topic.name),
                partitions: topic
                    .partitions()
                    .map(|(partition, shard)| {
                        let seen =
                            Leadership::of(image, shard).seen_at(image, &context.client.session.listener);
                        describe_partition(partition.index, seen, context.version)
                    })
                    .collect(),
                topic_authorized_operations: operations,
                ..MetadataResponseTopic::default()
            },
            Found::Missing { name, id, error } => MetadataResponseTopic {
                error_code: error.into(),
                is_internal: name.as_deref().is_some_and(topics::is_internal),
                topic_authorized_operations: if name.is_some() { operations } else { operations::NOT_ASKED },
                name,
                topic_id: id.0,
                ..MetadataResponseTopic::default()
            },
        }
    }
}

fn describe_partition(index: i32, leadership: Leadership, version: i16) -> MetadataResponsePartition {
    let Leadership { mut error, leader, epoch, mut replicas, offline } = leadership;
    if error == ErrorCode::ListenerNotFound && version < LISTENER_ERRORS_SINCE {
        error = ErrorCode::LeaderNotAvailable;
    }
    if version == 0 {
        // Its clients take every replica for one that is there (`KRaftMetadataCache.maybeFilterAliveReplicas`).
        replicas.retain(|replica| !offline.contains(replica));
    }
    MetadataResponsePartition {
        error_code: error.into(),
        partition_index: index,
        leader_id: leader,
        leader_epoch: epoch,
        replica_nodes: replicas.clone(),
        isr_nodes: replicas,
        offline_replicas: offline,
    }
}
