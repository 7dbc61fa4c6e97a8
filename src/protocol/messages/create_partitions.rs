//! CreatePartitions: gives topics more partitions.

use crate::protocol::codec::declare::message;

message! { CreatePartitions = 37, versions 0..=3, flexible 2..;
    request {
        topics: [CreatePartitionsTopic {
            name: str,
            count: i32,
            assignments: [CreatePartitionsAssignment {
                broker_ids: [i32],
            }] nullable,
        }],
        timeout_ms: i32,
        validate_only: bool,
    }
    response {
        throttle_time_ms: i32,
        results: [CreatePartitionsTopicResult {
            name: str,
            error_code: i16,
            error_message: str nullable = null,
        }],
    }
}
