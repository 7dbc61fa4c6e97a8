//! ExpireDelegationToken: ends a delegation token.

use crate::protocol::codec::declare::message;

message! { ExpireDelegationToken = 40, versions 1..=2, flexible 2..;
    request {
        hmac: bytes,
        expiry_time_period_ms: i64,
    }
    response {
        error_code: i16,
        expiry_timestamp_ms: i64,
        throttle_time_ms: i32,
    }
}
