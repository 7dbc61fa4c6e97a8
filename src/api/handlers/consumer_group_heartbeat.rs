//! ConsumerGroupHeartbeat: all of a member's part in a consumer group of KIP-848.
//! Versions 0-1. 1: subscriptions by regular expression, and member ids that clients make up (KIP-848, KIP-1082).
//! Left out: nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::coordinator::group::assignor::Assignor;
use crate::coordinator::group::consumer::{self, HeartbeatReply, LEAVING, LEAVING_FOR_NOW, Says};
use crate::metadata::GROUP_VERSION;
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_group_heartbeat::response::{Assignment, TopicPartitions};
use crate::protocol::messages::consumer_group_heartbeat::{Request, Response, request};
use crate::types::TopicId;

/// From here on clients make up their member ids.
const IDS_FROM_CLIENTS_SINCE: i16 = 1;

pub struct ConsumerGroupHeartbeat;

impl Handler for ConsumerGroupHeartbeat {
    type Request = Request;
    const VERSIONS: Versions = 0..=1;

    async fn handle(context: Context, request: Request) -> Response {
        match heartbeat(&context, request).await {
            Ok(reply) => answer(reply),
            Err(failure) => failure.into(),
        }
    }
}

async fn heartbeat(context: &Context, request: Request) -> Result<HeartbeatReply, Failure> {
    if !context.image().features.is_at_least(GROUP_VERSION, 1) {
        return Err(ErrorCode::UnsupportedVersion.into());
    }
    let assignor = check(&request, context.version)?;
    let coordinating = context.coordinator(&request.group_id).await?;
    let partitions =
        |topic: request::TopicPartitions| (TopicId(topic.topic_id), topic.partitions.into_iter().collect());
    let heartbeat = consumer::Heartbeat {
        member_id: request.member_id.into(),
        fresh_id: context.broker.runtime.rng.uuid().to_string().into(),
        epoch: request.member_epoch,
        client_id: context.client.id.as_str().into(),
        client_host: context.client.host().into(),
        instance: request.instance_id.map(Arc::from),
        says: Says {
            rack: request.rack_id.map(Arc::from),
            rebalance_timeout_ms: Some(request.rebalance_timeout_ms).filter(|ms| *ms != -1),
            topics: request.subscribed_topic_names.map(|names| names.into_iter().map(Arc::from).collect()),
            pattern: request.subscribed_topic_regex.map(Arc::from),
            assignor,
        },
        owned: request.topic_partitions.map(|topics| topics.into_iter().map(partitions).collect()),
    };
    let answered = coordinating.coordinator.ask(&request.group_id, heartbeat).await;
    Ok(coordinating.answered(answered).await??)
}

/// The checks of Kafka's `GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid`, in its order and
/// words.
fn check(request: &Request, version: i16) -> Result<Option<Assignor>, Failure> {
    let invalid = |why: &str| Err(Failure::new(ErrorCode::InvalidRequest, why.to_owned()));
    let epoch = request.member_epoch;
    let is_named = version >= IDS_FROM_CLIENTS_SINCE || epoch > 0 || epoch == LEAVING;
    let is_blank = |text: Option<&str>| text.is_some_and(|text| text.trim().is_empty());
    if is_named && is_blank(Some(&request.member_id)) {
        return invalid("MemberId can't be empty.");
    }
    if is_blank(Some(&request.group_id)) {
        return invalid("GroupId can't be empty.");
    }
    if is_blank(request.instance_id.as_deref()) {
        return invalid("InstanceId can't be empty.");
    }
    if is_blank(request.rack_id.as_deref()) {
        return invalid("RackId can't be empty.");
    }
    if epoch == 0 {
        if request.rebalance_timeout_ms == -1 {
            return invalid("RebalanceTimeoutMs must be provided in first request.");
        }
        if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
            return invalid("TopicPartitions must be empty when (re-)joining.");
        }
        if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
            return invalid(
                "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
            );
        }
    } else if epoch == LEAVING_FOR_NOW && request.instance_id.is_none() {
        return invalid("InstanceId can't be null.");
    } else if epoch < LEAVING_FOR_NOW {
        return invalid("MemberEpoch is invalid.");
    }
    let Some(name) = &request.server_assignor else { return Ok(None) };
    Assignor::named(name).map(Some).ok_or_else(|| {
        let supported: Vec<&str> = Assignor::ALL.into_iter().map(Assignor::name).collect();
        let supported = supported.join(", ");
        let why = format!("ServerAssignor {name} is not supported. Supported assignors: {supported}.");
        Failure::new(ErrorCode::UnsupportedAssignor, why)
    })
}

fn answer(reply: HeartbeatReply) -> Response {
    let topic = |(topic, partitions): (TopicId, BTreeSet<i32>)| TopicPartitions {
        topic_id: topic.0,
        partitions: partitions.into_iter().collect(),
    };
    Response {
        member_id: Some(reply.member_id.to_string()),
        member_epoch: reply.epoch,
        heartbeat_interval_ms: reply.heartbeat_interval_ms,
        assignment: reply
            .assignment
            .map(|assignment| Assignment { topic_partitions: assignment.into_iter().map(topic).collect() }),
        ..Response::default()
    }
}
