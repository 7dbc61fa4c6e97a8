//! CreateDelegationToken: makes a delegation token.

use crate::protocol::codec::declare::message;

message! { CreateDelegationToken = 38, versions 1..=3, flexible 2..;
    request {
        owner_principal_type: str [3..] nullable,
        owner_principal_name: str [3..] nullable,
        renewers: [CreatableRenewers {
            principal_type: str,
            principal_name: str,
        }],
        max_lifetime_ms: i64,
    }
    response {
        error_code: i16,
        principal_type: str,
        principal_name: str,
        token_requester_principal_type: str [3..],
        token_requester_principal_name: str [3..],
        issue_timestamp_ms: i64,
        expiry_timestamp_ms: i64,
        max_timestamp_ms: i64,
        token_id: str,
        hmac: bytes,
        throttle_time_ms: i32,
    }
}
