//! DescribeTransactions: tells the state of transactions.

use crate::protocol::codec::declare::message;

message! { DescribeTransactions = 65, versions 0..=0, flexible 0..;
    request {
        transactional_ids: [str],
    }
    response {
        throttle_time_ms: i32,
        transaction_states: [TransactionState {
            error_code: i16,
            transactional_id: str,
            transaction_state: str,
            transaction_timeout_ms: i32,
            transaction_start_time_ms: i64,
            producer_id: i64,
            producer_epoch: i16,
            topics: [TopicData {
                topic: str,
                partitions: [i32],
            }],
        }],
    }
}
