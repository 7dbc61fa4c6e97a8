//! AddPartitionsToTxn: adds partitions to a transaction.

use crate::protocol::codec::declare::message;

message! { AddPartitionsToTxn = 24, versions 0..=5, flexible 3..;
    request {
        transactions: [AddPartitionsToTxnTransaction {
            transactional_id: str,
            producer_id: i64,
            producer_epoch: i16,
            verify_only: bool,
            topics: [AddPartitionsToTxnTopic {
                name: str,
                partitions: [i32],
            }],
        }] [4..],
        v3_and_below_transactional_id: str [0..=3],
        v3_and_below_producer_id: i64 [0..=3],
        v3_and_below_producer_epoch: i16 [0..=3],
        v3_and_below_topics: [AddPartitionsToTxnTopic] [0..=3],
    }
    response {
        throttle_time_ms: i32,
        error_code: i16 [4..] ignorable,
        results_by_transaction: [AddPartitionsToTxnResult {
            transactional_id: str,
            topic_results: [AddPartitionsToTxnTopicResult {
                name: str,
                results_by_partition: [AddPartitionsToTxnPartitionResult {
                    partition_index: i32,
                    partition_error_code: i16,
                }],
            }],
        }] [4..],
        results_by_topic_v3_and_below: [AddPartitionsToTxnTopicResult] [0..=3],
    }
}
