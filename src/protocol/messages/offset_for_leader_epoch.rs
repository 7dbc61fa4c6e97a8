//! OffsetForLeaderEpoch: tells where a leader epoch ended.

use crate::protocol::codec::declare::message;

message! { OffsetForLeaderEpoch = 23, versions 2..=4, flexible 4..;
    request {
        replica_id: i32 [3..] ignorable = -2,
        topics: [OffsetForLeaderTopic {
            topic: str,
            partitions: [OffsetForLeaderPartition {
                partition: i32,
                current_leader_epoch: i32 ignorable = -1,
                leader_epoch: i32,
            }],
        }],
    }
    response {
        throttle_time_ms: i32 ignorable,
        topics: [OffsetForLeaderTopicResult {
            topic: str,
            partitions: [EpochEndOffset {
                error_code: i16,
                partition: i32,
                leader_epoch: i32 ignorable = -1,
                end_offset: i64 = -1,
            }],
        }],
    }
}
