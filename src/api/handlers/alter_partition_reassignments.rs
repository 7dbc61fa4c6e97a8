//! AlterPartitionReassignments: changes which brokers hold a partition (KIP-455).
//! Versions 0-1. 1: whether the replication factor may change (KIP-860).
//! Left out: moving a partition. Its one replica is the owner of its shard, and moves with the whole shard, so naming
//! that owner changes nothing and any other target is refused.

use crate::api::context::Context;
use crate::api::errors::{Failure, must_have_time};
use crate::api::handler::{Handler, Versions};
use crate::api::topics::{self, Leadership};
use crate::metadata::{Image, REPLICATION_FACTOR};
use crate::protocol::ErrorCode;
use crate::protocol::messages::alter_partition_reassignments::{
    ReassignablePartition, ReassignablePartitionResponse, ReassignableTopicResponse, Request, Response,
};

pub struct AlterPartitionReassignments;

impl Handler for AlterPartitionReassignments {
    type Request = Request;
    const VERSIONS: Versions = 0..=1;

    async fn handle(context: Context, request: Request) -> Response {
        if request.topics.is_empty() {
            return Response::default();
        }
        let image = context.newest_known().await;
        let late = must_have_time(request.timeout_ms).err();
        let allow_change = request.allow_replication_factor_change;
        let responses = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let outcome = late.map_or_else(
                    || reassign(&image, &topic.name, asked, allow_change),
                    |late| Err(Failure::from(late)),
                );
                answer(asked, outcome.err())
            });
            ReassignableTopicResponse { name: topic.name.clone(), partitions: partitions.collect() }
        });
        Response {
            allow_replication_factor_change: allow_change || late.is_some(),
            error_code: late.map_or(ErrorCode::None, |late| Failure::from(late).code).into(),
            error_message: None,
            responses: responses.collect(),
            ..Response::default()
        }
    }
}

fn answer(asked: &ReassignablePartition, failure: Option<Failure>) -> ReassignablePartitionResponse {
    let none = || ReassignablePartitionResponse { error_message: None, ..Default::default() };
    let answer = failure.map_or_else(none, Failure::into);
    ReassignablePartitionResponse { partition_index: asked.partition_index, ..answer }
}

/// The checks of Kafka's `ReplicationControlManager`, in its order.
fn reassign(
    image: &Image,
    topic: &str,
    asked: &ReassignablePartition,
    allow_change: bool,
) -> Result<(), Failure> {
    let unknown = |what: String| Failure::new(ErrorCode::UnknownTopicOrPartition, what);
    let known = image
        .topic_by_name(topic)
        .ok_or_else(|| unknown(format!("Unable to find a topic named {topic}.")))?;
    let shard = known
        .shard(asked.partition_index)
        .ok_or_else(|| unknown(format!("Unable to find partition {topic}:{}.", asked.partition_index)))?;
    let Some(target) = &asked.replicas else {
        return Err(ErrorCode::NoReassignmentInProgress.into());
    };
    topics::validate_assignment(image, target, None)?;
    if !allow_change && target.len() != usize::from(REPLICATION_FACTOR.unsigned_abs()) {
        return Err(Failure::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "The replication factor is changed from {REPLICATION_FACTOR} to {} for partition {topic}-{}.",
                target.len(),
                asked.partition_index
            ),
        ));
    }
    if *target != Leadership::of(image, shard).replicas {
        let message =
            "A partition is on the broker that owns its shard, and moves only with the shard.".to_owned();
        return Err(Failure::new(ErrorCode::InvalidReplicaAssignment, message));
    }
    Ok(())
}
