//! AlterShareGroupOffsets: sets how far share groups have got.

use crate::protocol::codec::declare::message;

message! { AlterShareGroupOffsets = 91, versions 0..=0, flexible 0..;
    request {
        group_id: str,
        topics: [AlterShareGroupOffsetsRequestTopic {
            topic_name: str,
            partitions: [AlterShareGroupOffsetsRequestPartition {
                partition_index: i32,
                start_offset: i64,
            }],
        }],
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable = null,
        responses: [AlterShareGroupOffsetsResponseTopic {
            topic_name: str,
            topic_id: uuid,
            partitions: [AlterShareGroupOffsetsResponsePartition {
                partition_index: i32,
                error_code: i16,
                error_message: str nullable = null,
            }],
        }],
    }
}
