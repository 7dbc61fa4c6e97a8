//! ElectLeaders: makes replicas the leaders of partitions (KIP-183).
//! Versions 0-2. 1: the kind of election (KIP-460). 2: flexible encoding.
//! Left out: nothing. A partition's one replica leads it whenever the owner of its shard is up.

use crate::api::context::Context;
use crate::api::errors::{Failure, must_have_time};
use crate::api::handler::{Handler, Versions};
use crate::api::topics::Leadership;
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::elect_leaders::{PartitionResult, ReplicaElectionResult, Request, Response};

/// `ElectionType`.
const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

pub struct ElectLeaders;

impl Handler for ElectLeaders {
    type Request = Request;
    const VERSIONS: Versions = 0..=2;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.newest_known().await;
        let kind = request.election_type;
        if let Err(late) = must_have_time(request.timeout_ms) {
            return refuse(&context, &request, &late.into());
        }
        if !matches!(kind, PREFERRED | UNCLEAN) {
            let message = format!("Unknown election type {kind}");
            return refuse(&context, &request, &Failure::new(ErrorCode::InvalidRequest, message));
        }
        let results = match &request.topic_partitions {
            Some(asked) => asked
                .iter()
                .map(|asked| ReplicaElectionResult {
                    topic: asked.topic.clone(),
                    partition_result: asked
                        .partitions
                        .iter()
                        .map(|index| result(*index, &elect(&image, &asked.topic, *index, kind)))
                        .collect(),
                })
                .collect(),
            None => image
                .topics
                .iter()
                .map(|topic| ReplicaElectionResult {
                    topic: topic.name.to_string(),
                    partition_result: topic
                        .partitions()
                        .map(|(partition, _)| partition.index)
                        .map(|index| result(index, &elect(&image, &topic.name, index, kind)))
                        // A request for all does not hear of those where nothing was to do.
                        .filter(|result| result.error_code != ErrorCode::ElectionNotNeeded.code())
                        .collect(),
                })
                .collect(),
        };
        Response { replica_election_results: results, ..Response::default() }
    }
}

/// No election changes anything: either the replica leads already, or it is not there.
fn elect(image: &Image, topic: &str, index: i32, kind: i8) -> Failure {
    let unknown = |message: String| Failure::new(ErrorCode::UnknownTopicOrPartition, message);
    let Some(known) = image.topic_by_name(topic) else {
        return unknown(format!("No such topic as {topic}"));
    };
    let Some(shard) = known.shard(index) else {
        return unknown(format!("No such partition as {topic}-{index}"));
    };
    if Leadership::of(image, shard).error == ErrorCode::None {
        let message = "Leader election not needed for topic partition.".to_owned();
        return Failure::new(ErrorCode::ElectionNotNeeded, message);
    }
    match kind {
        PREFERRED => Failure::new(
            ErrorCode::PreferredLeaderNotAvailable,
            "The preferred leader was not available.".to_owned(),
        ),
        _ => Failure::new(
            ErrorCode::EligibleLeadersNotAvailable,
            "Eligible topic partition leaders are not available.".to_owned(),
        ),
    }
}

fn result(partition_id: i32, failure: &Failure) -> PartitionResult {
    PartitionResult { partition_id, ..failure.clone().into() }
}

/// Refuses a request as a whole (`ElectLeadersRequest.getErrorResponse`).
fn refuse(context: &Context, request: &Request, failure: &Failure) -> Response {
    let asked = request.topic_partitions.iter().flatten();
    let results = asked.map(|asked| ReplicaElectionResult {
        topic: asked.topic.clone(),
        partition_result: asked.partitions.iter().map(|index| result(*index, failure)).collect(),
    });
    // The first version has no code for the whole answer.
    let is_told =
        context.version > 0 && request.topic_partitions.as_ref().is_none_or(|asked| !asked.is_empty());
    Response {
        error_code: if is_told { failure.code } else { ErrorCode::None }.into(),
        replica_election_results: results.collect(),
        ..Response::default()
    }
}
