//! InitProducerId: gives out a producer id and epoch.

use crate::protocol::codec::declare::message;

message! { InitProducerId = 22, versions 0..=6, flexible 2..;
    request {
        transactional_id: str nullable,
        transaction_timeout_ms: i32,
        producer_id: i64 [3..] = -1,
        producer_epoch: i16 [3..] = -1,
        enable2_pc: bool [6..],
        keep_prepared_txn: bool [6..],
    }
    response {
        throttle_time_ms: i32 ignorable,
        error_code: i16,
        producer_id: i64 = -1,
        producer_epoch: i16,
        ongoing_txn_producer_id: i64 [6..] = -1,
        ongoing_txn_producer_epoch: i16 [6..] = -1,
    }
}
