//! ReadShareGroupStateSummary: reads how far share partitions have got.

use crate::protocol::codec::declare::message;

message! { ReadShareGroupStateSummary = 87, versions 0..=1, flexible 0..;
    request {
        group_id: str,
        topics: [ReadStateSummaryData {
            topic_id: uuid,
            partitions: [PartitionData {
                partition: i32,
                leader_epoch: i32,
            }],
        }],
    }
    response {
        results: [ReadStateSummaryResult {
            topic_id: uuid,
            partitions: [PartitionResult {
                partition: i32,
                error_code: i16,
                error_message: str nullable = null,
                state_epoch: i32,
                leader_epoch: i32,
                start_offset: i64,
                delivery_complete_count: i32 [1..] ignorable = -1,
            }],
        }],
    }
}
