//! EndTxn: commits or aborts a transaction.

use crate::protocol::codec::declare::message;

message! { EndTxn = 26, versions 0..=5, flexible 3..;
    request {
        transactional_id: str,
        producer_id: i64,
        producer_epoch: i16,
        committed: bool,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        producer_id: i64 [5..] ignorable = -1,
        producer_epoch: i16 [5..] ignorable = -1,
    }
}
