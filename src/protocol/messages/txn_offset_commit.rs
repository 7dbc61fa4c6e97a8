//! TxnOffsetCommit: stores offsets of a group as part of a transaction.

use crate::protocol::codec::declare::message;

message! { TxnOffsetCommit = 28, versions 0..=6, flexible 3..;
    request {
        transactional_id: str,
        group_id: str,
        producer_id: i64,
        producer_epoch: i16,
        generation_id_or_member_epoch: i32 [3..] = -1,
        member_id: str [3..],
        group_instance_id: str [3..] nullable = null,
        topics: [TxnOffsetCommitRequestTopic {
            name: str [0..=5] ignorable,
            topic_id: uuid [6..] ignorable,
            partitions: [TxnOffsetCommitRequestPartition {
                partition_index: i32,
                committed_offset: i64,
                committed_leader_epoch: i32 [2..] ignorable = -1,
                committed_metadata: str nullable,
            }],
        }],
    }
    response {
        throttle_time_ms: i32,
        topics: [TxnOffsetCommitResponseTopic {
            name: str [0..=5] ignorable,
            topic_id: uuid [6..] ignorable,
            partitions: [TxnOffsetCommitResponsePartition {
                partition_index: i32,
                error_code: i16,
            }],
        }],
    }
}
