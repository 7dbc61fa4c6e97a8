//! ListOffsets: finds the offset of a timestamp, or of an end of a partition.

use crate::protocol::codec::declare::message;

message! { ListOffsets = 2, versions 1..=11, flexible 6..;
    request {
        replica_id: i32,
        isolation_level: i8 [2..],
        topics: [ListOffsetsTopic {
            name: str,
            partitions: [ListOffsetsPartition {
                partition_index: i32,
                current_leader_epoch: i32 [4..] ignorable = -1,
                timestamp: i64,
            }],
        }],
        timeout_ms: i32 [10..] ignorable,
    }
    response {
        throttle_time_ms: i32 [2..] ignorable,
        topics: [ListOffsetsTopicResponse {
            name: str,
            partitions: [ListOffsetsPartitionResponse {
                partition_index: i32,
                error_code: i16,
                timestamp: i64 = -1,
                offset: i64 = -1,
                leader_epoch: i32 [4..] = -1,
            }],
        }],
    }
}
