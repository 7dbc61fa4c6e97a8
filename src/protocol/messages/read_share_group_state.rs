//! ReadShareGroupState: reads the stored state of share partitions.

use crate::protocol::codec::declare::message;

message! { ReadShareGroupState = 84, versions 0..=0, flexible 0..;
    request {
        group_id: str,
        topics: [ReadStateData {
            topic_id: uuid,
            partitions: [PartitionData {
                partition: i32,
                leader_epoch: i32,
            }],
        }],
    }
    response {
        results: [ReadStateResult {
            topic_id: uuid,
            partitions: [PartitionResult {
                partition: i32,
                error_code: i16,
                error_message: str nullable = null,
                state_epoch: i32,
                start_offset: i64,
                state_batches: [StateBatch {
                    first_offset: i64,
                    last_offset: i64,
                    delivery_state: i8,
                    delivery_count: i16,
                }],
            }],
        }],
    }
}
