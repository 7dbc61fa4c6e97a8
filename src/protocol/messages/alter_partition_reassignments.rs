//! AlterPartitionReassignments: changes which brokers hold a partition.

use crate::protocol::codec::declare::message;

message! { AlterPartitionReassignments = 45, versions 0..=1, flexible 0..;
    request {
        timeout_ms: i32 = 60000,
        allow_replication_factor_change: bool [1..] = true,
        topics: [ReassignableTopic {
            name: str,
            partitions: [ReassignablePartition {
                partition_index: i32,
                replicas: [i32] nullable = null,
            }],
        }],
    }
    response {
        throttle_time_ms: i32,
        allow_replication_factor_change: bool [1..] ignorable = true,
        error_code: i16,
        error_message: str nullable,
        responses: [ReassignableTopicResponse {
            name: str,
            partitions: [ReassignablePartitionResponse {
                partition_index: i32,
                error_code: i16,
                error_message: str nullable,
            }],
        }],
    }
}
