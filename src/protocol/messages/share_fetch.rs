//! ShareFetch: acquires records for a member of a share group, and acknowledges others.

use crate::protocol::codec::declare::message;

message! { ShareFetch = 78, versions 1..=2, flexible 0..;
    request {
        group_id: str nullable = null,
        member_id: str nullable,
        share_session_epoch: i32,
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
        max_records: i32,
        batch_size: i32,
        share_acquire_mode: i8 [2..] ignorable,
        is_renew_ack: bool [2..],
        topics: [FetchTopic {
            topic_id: uuid,
            partitions: [FetchPartition {
                partition_index: i32,
                acknowledgement_batches: [AcknowledgementBatch {
                    first_offset: i64,
                    last_offset: i64,
                    acknowledge_types: [i8],
                }],
            }],
        }],
        forgotten_topics_data: [ForgottenTopic {
            topic_id: uuid,
            partitions: [i32],
        }],
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable = null,
        acquisition_lock_timeout_ms: i32,
        responses: [ShareFetchableTopicResponse {
            topic_id: uuid,
            partitions: [PartitionData {
                partition_index: i32,
                error_code: i16,
                error_message: str nullable = null,
                acknowledge_error_code: i16,
                acknowledge_error_message: str nullable = null,
                current_leader: (LeaderIdAndEpoch {
                    leader_id: i32,
                    leader_epoch: i32,
                }),
                records: records,
                acquired_records: [AcquiredRecords {
                    first_offset: i64,
                    last_offset: i64,
                    delivery_count: i16,
                }],
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
