//! OffsetDelete: deletes committed offsets of a group.

use crate::protocol::codec::declare::message;

message! { OffsetDelete = 47, versions 0..=0, flexible none;
    request {
        group_id: str,
        topics: [OffsetDeleteRequestTopic {
            name: str,
            partitions: [OffsetDeleteRequestPartition {
                partition_index: i32,
            }],
        }],
    }
    response {
        error_code: i16,
        throttle_time_ms: i32 ignorable,
        topics: [OffsetDeleteResponseTopic {
            name: str,
            partitions: [OffsetDeleteResponsePartition {
                partition_index: i32,
                error_code: i16,
            }],
        }],
    }
}
