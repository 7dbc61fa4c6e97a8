//! OffsetFetch: tells how far groups have read.

use crate::protocol::codec::declare::message;

message! { OffsetFetch = 9, versions 1..=10, flexible 6..;
    request {
        group_id: str [1..=7],
        topics: [OffsetFetchRequestTopic {
            name: str,
            partition_indexes: [i32],
        }] [1..=7] nullable_since(2),
        groups: [OffsetFetchRequestGroup {
            group_id: str,
            member_id: str [9..] nullable ignorable = null,
            member_epoch: i32 [9..] ignorable = -1,
            topics: [OffsetFetchRequestTopics {
                name: str [8..=9] ignorable,
                topic_id: uuid [10..] ignorable,
                partition_indexes: [i32],
            }] nullable,
        }] [8..],
        require_stable: bool [7..],
    }
    response {
        throttle_time_ms: i32 [3..] ignorable,
        topics: [OffsetFetchResponseTopic {
            name: str,
            partitions: [OffsetFetchResponsePartition {
                partition_index: i32,
                committed_offset: i64,
                committed_leader_epoch: i32 [5..=7] ignorable = -1,
                metadata: str nullable,
                error_code: i16,
            }],
        }] [1..=7],
        error_code: i16 [2..=7] ignorable,
        groups: [OffsetFetchResponseGroup {
            group_id: str,
            topics: [OffsetFetchResponseTopics {
                name: str [8..=9] ignorable,
                topic_id: uuid [10..] ignorable,
                partitions: [OffsetFetchResponsePartitions {
                    partition_index: i32,
                    committed_offset: i64,
                    committed_leader_epoch: i32 ignorable = -1,
                    metadata: str nullable,
                    error_code: i16,
                }],
            }],
            error_code: i16,
        }] [8..],
    }
}
