//! OffsetCommit: stores how far a group has read.

use crate::protocol::codec::declare::message;

message! { OffsetCommit = 8, versions 2..=10, flexible 8..;
    request {
        group_id: str,
        generation_id_or_member_epoch: i32 ignorable = -1,
        member_id: str ignorable,
        group_instance_id: str [7..] nullable = null,
        retention_time_ms: i64 [2..=4] ignorable = -1,
        topics: [OffsetCommitRequestTopic {
            name: str [2..=9] ignorable,
            topic_id: uuid [10..] ignorable,
            partitions: [OffsetCommitRequestPartition {
                partition_index: i32,
                committed_offset: i64,
                committed_leader_epoch: i32 [6..] ignorable = -1,
                committed_metadata: str nullable,
            }],
        }],
    }
    response {
        throttle_time_ms: i32 [3..] ignorable,
        topics: [OffsetCommitResponseTopic {
            name: str [2..=9] ignorable,
            topic_id: uuid [10..] ignorable,
            partitions: [OffsetCommitResponsePartition {
                partition_index: i32,
                error_code: i16,
            }],
        }],
    }
}
