//! RenewDelegationToken: puts off a delegation token's expiry.

use crate::protocol::codec::declare::message;

message! { RenewDelegationToken = 39, versions 1..=2, flexible 2..;
    request {
        hmac: bytes,
        renew_period_ms: i64,
    }
    response {
        error_code: i16,
        expiry_timestamp_ms: i64,
        throttle_time_ms: i32,
    }
}
