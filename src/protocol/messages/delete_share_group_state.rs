//! DeleteShareGroupState: deletes the stored state of share partitions.

use crate::protocol::codec::declare::message;

message! { DeleteShareGroupState = 86, versions 0..=0, flexible 0..;
    request {
        group_id: str,
        topics: [DeleteStateData {
            topic_id: uuid,
            partitions: [PartitionData {
                partition: i32,
            }],
        }],
    }
    response {
        results: [DeleteStateResult {
            topic_id: uuid,
            partitions: [PartitionResult {
                partition: i32,
                error_code: i16,
                error_message: str nullable = null,
            }],
        }],
    }
}
