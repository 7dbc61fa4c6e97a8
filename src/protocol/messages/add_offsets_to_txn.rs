//! AddOffsetsToTxn: adds a group's offsets to a transaction.

use crate::protocol::codec::declare::message;

message! { AddOffsetsToTxn = 25, versions 0..=4, flexible 3..;
    request {
        transactional_id: str,
        producer_id: i64,
        producer_epoch: i16,
        group_id: str,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
    }
}
