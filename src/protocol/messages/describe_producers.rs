//! DescribeProducers: tells the active producers of partitions.

use crate::protocol::codec::declare::message;

message! { DescribeProducers = 61, versions 0..=0, flexible 0..;
    request {
        topics: [TopicRequest {
            name: str,
            partition_indexes: [i32],
        }],
    }
    response {
        throttle_time_ms: i32,
        topics: [TopicResponse {
            name: str,
            partitions: [PartitionResponse {
                partition_index: i32,
                error_code: i16,
                error_message: str nullable = null,
                active_producers: [ProducerState {
                    producer_id: i64,
                    producer_epoch: i32,
                    last_sequence: i32 = -1,
                    last_timestamp: i64 = -1,
                    coordinator_epoch: i32,
                    current_txn_start_offset: i64 = -1,
                }],
            }],
        }],
    }
}
