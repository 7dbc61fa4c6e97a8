//! DescribeShareGroupOffsets: tells how far share groups have got.

use crate::protocol::codec::declare::message;

message! { DescribeShareGroupOffsets = 90, versions 0..=1, flexible 0..;
    request {
        groups: [DescribeShareGroupOffsetsRequestGroup {
            group_id: str,
            topics: [DescribeShareGroupOffsetsRequestTopic {
                topic_name: str,
                partitions: [i32],
            }] nullable,
        }],
    }
    response {
        throttle_time_ms: i32,
        groups: [DescribeShareGroupOffsetsResponseGroup {
            group_id: str,
            topics: [DescribeShareGroupOffsetsResponseTopic {
                topic_name: str,
                topic_id: uuid,
                partitions: [DescribeShareGroupOffsetsResponsePartition {
                    partition_index: i32,
                    start_offset: i64,
                    leader_epoch: i32,
                    lag: i64 [1..] ignorable = -1,
                    error_code: i16,
                    error_message: str nullable = null,
                }],
            }],
            error_code: i16,
            error_message: str nullable = null,
        }],
    }
}
