//! ListPartitionReassignments: lists reassignments under way.

use crate::protocol::codec::declare::message;

message! { ListPartitionReassignments = 46, versions 0..=0, flexible 0..;
    request {
        timeout_ms: i32 = 60000,
        topics: [ListPartitionReassignmentsTopics {
            name: str,
            partition_indexes: [i32],
        }] nullable = null,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable,
        topics: [OngoingTopicReassignment {
            name: str,
            partitions: [OngoingPartitionReassignment {
                partition_index: i32,
                replicas: [i32],
                adding_replicas: [i32],
                removing_replicas: [i32],
            }],
        }],
    }
}
