//! Produce: appends record batches to partitions.

use crate::protocol::codec::declare::message;

message! { Produce = 0, versions 3..=13, flexible 9..;
    request {
        transactional_id: str nullable = null,
        acks: i16,
        timeout_ms: i32,
        topic_data: [TopicProduceData {
            name: str [3..=12] ignorable,
            topic_id: uuid [13..] ignorable,
            partition_data: [PartitionProduceData {
                index: i32,
                records: records nullable = null,
            }],
        }],
    }
    response {
        responses: [TopicProduceResponse {
            name: str [3..=12] ignorable,
            topic_id: uuid [13..] ignorable,
            partition_responses: [PartitionProduceResponse {
                index: i32,
                error_code: i16,
                base_offset: i64,
                log_append_time_ms: i64 ignorable = -1,
                log_start_offset: i64 [5..] ignorable = -1,
                record_errors: [BatchIndexAndErrorMessage {
                    batch_index: i32,
                    batch_index_error_message: str nullable = null,
                }] [8..] ignorable,
                error_message: str [8..] nullable ignorable = null,
                current_leader: (LeaderIdAndEpoch {
                    leader_id: i32 = -1,
                    leader_epoch: i32 = -1,
                }) [10..] tag(0),
            }],
        }],
        throttle_time_ms: i32 ignorable,
        node_endpoints: [NodeEndpoint {
            node_id: i32,
            host: str,
            port: i32,
            rack: str nullable = null,
        }] [10..] tag(0),
    }
}
