//! ListTransactions: lists the transactions that a broker coordinates.

use crate::protocol::codec::declare::message;

message! { ListTransactions = 66, versions 0..=2, flexible 0..;
    request {
        state_filters: [str],
        producer_id_filters: [i64],
        duration_filter: i64 [1..] = -1,
        transactional_id_pattern: str [2..] nullable = null,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        unknown_state_filters: [str],
        transaction_states: [TransactionState {
            transactional_id: str,
            producer_id: i64,
            transaction_state: str,
        }],
    }
}
