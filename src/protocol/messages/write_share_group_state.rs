//! WriteShareGroupState: writes the stored state of share partitions.

use crate::protocol::codec::declare::message;

message! { WriteShareGroupState = 85, versions 0..=1, flexible 0..;
    request {
        group_id: str,
        topics: [WriteStateData {
            topic_id: uuid,
            partitions: [PartitionData {
                partition: i32,
                state_epoch: i32,
                leader_epoch: i32,
                start_offset: i64,
                delivery_complete_count: i32 [1..] ignorable = -1,
                state_batches: [StateBatch {
                    first_offset: i64,
                    last_offset: i64,
                    delivery_state: i8,
                    delivery_count: i16,
                }],
            }],
        }],
    }
    response {
        results: [WriteStateResult {
            topic_id: uuid,
            partitions: [PartitionResult {
                partition: i32,
                error_code: i16,
                error_message: str nullable = null,
            }],
        }],
    }
}
