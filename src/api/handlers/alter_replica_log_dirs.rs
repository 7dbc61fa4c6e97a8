//! AlterReplicaLogDirs: moves replicas between the directories of a broker (KIP-113).
//! Versions 1-2. 2: flexible encoding.
//! Left out: nothing. There is one directory, as DescribeLogDirs names it; what is asked to move there is there already.

use crate::api::context::{Broker, Context};
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult, Request, Response,
};

pub struct AlterReplicaLogDirs;

impl Handler for AlterReplicaLogDirs {
    type Request = Request;
    const VERSIONS: Versions = 1..=2;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let mut results: Vec<AlterReplicaLogDirTopicResult> = Vec::new();
        for (dir, topic) in
            request.dirs.iter().flat_map(|dir| dir.topics.iter().map(move |topic| (dir, topic)))
        {
            let partitions = topic.partitions.iter().map(|index| AlterReplicaLogDirPartitionResult {
                partition_index: *index,
                error_code: code(&context.broker, &image, &dir.path, &topic.name, *index).into(),
            });
            match results.iter_mut().find(|result| result.topic_name == topic.name) {
                Some(result) => result.partitions.extend(partitions),
                None => results.push(AlterReplicaLogDirTopicResult {
                    topic_name: topic.name.clone(),
                    partitions: partitions.collect(),
                }),
            }
        }
        Response { results, ..Response::default() }
    }
}

fn code(broker: &Broker, image: &Image, dir: &str, topic: &str, index: i32) -> ErrorCode {
    if dir != broker.options.log_dir {
        return ErrorCode::LogDirNotFound;
    }
    let Some(topic) = image.topic_by_name(topic) else { return ErrorCode::UnknownTopicOrPartition };
    match broker.lead(image, topic, index, -1) {
        Ok(_) => ErrorCode::None,
        // The partition is on another broker, as `ReplicaManager.alterReplicaLogDirs` says it.
        Err(Failure { code: ErrorCode::NotLeaderOrFollower, .. }) => ErrorCode::ReplicaNotAvailable,
        Err(failure) => failure.code,
    }
}
