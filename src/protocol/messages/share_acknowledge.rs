//! ShareAcknowledge: acknowledges records of a share group.

use crate::protocol::codec::declare::message;

message! { ShareAcknowledge = 79, versions 1..=2, flexible 0..;
    request {
        group_id: str nullable = null,
        member_id: str nullable,
        share_session_epoch: i32,
        is_renew_ack: bool [2..],
        topics: [AcknowledgeTopic {
            topic_id: uuid,
            partitions: [AcknowledgePartition {
                partition_index: i32,
                acknowledgement_batches: [AcknowledgementBatch {
                    first_offset: i64,
                    last_offset: i64,
                    acknowledge_types: [i8],
                }],
            }],
        }],
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable = null,
        acquisition_lock_timeout_ms: i32 [2..] ignorable,
        responses: [ShareAcknowledgeTopicResponse {
            topic_id: uuid,
            partitions: [PartitionData {
                partition_index: i32,
                error_code: i16,
                error_message: str nullable = null,
                current_leader: (LeaderIdAndEpoch {
                    leader_id: i32,
                    leader_epoch: i32,
                }),
            }],
        }],
        node_endpoints: [NodeEndpoint {
            node_id: i32,
            host: str,
            port: i32,
            rack: str nullable = null,
        }],
    }
}
