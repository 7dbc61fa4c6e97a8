//! AlterReplicaLogDirs: moves replicas between directories of a broker.

use crate::protocol::codec::declare::message;

message! { AlterReplicaLogDirs = 34, versions 1..=2, flexible 2..;
    request {
        dirs: [AlterReplicaLogDir {
            path: str,
            topics: [AlterReplicaLogDirTopic {
                name: str,
                partitions: [i32],
            }],
        }],
    }
    response {
        throttle_time_ms: i32,
        results: [AlterReplicaLogDirTopicResult {
            topic_name: str,
            partitions: [AlterReplicaLogDirPartitionResult {
                partition_index: i32,
                error_code: i16,
            }],
        }],
    }
}
