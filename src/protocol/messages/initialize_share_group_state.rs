//! InitializeShareGroupState: starts the stored state of share partitions.

use crate::protocol::codec::declare::message;

message! { InitializeShareGroupState = 83, versions 0..=0, flexible 0..;
    request {
        group_id: str,
        topics: [InitializeStateData {
            topic_id: uuid,
            partitions: [PartitionData {
                partition: i32,
                state_epoch: i32,
                start_offset: i64,
            }],
        }],
    }
    response {
        results: [InitializeStateResult {
            topic_id: uuid,
            partitions: [PartitionResult {
                partition: i32,
                error_code: i16,
                error_message: str nullable = null,
            }],
        }],
    }
}
