//! DescribeDelegationToken: lists delegation tokens.

use crate::protocol::codec::declare::message;

message! { DescribeDelegationToken = 41, versions 1..=3, flexible 2..;
    request {
        owners: [DescribeDelegationTokenOwner {
            principal_type: str,
            principal_name: str,
        }] nullable,
    }
    response {
        error_code: i16,
        tokens: [DescribedDelegationToken {
            principal_type: str,
            principal_name: str,
            token_requester_principal_type: str [3..],
            token_requester_principal_name: str [3..],
            issue_timestamp: i64,
            expiry_timestamp: i64,
            max_timestamp: i64,
            token_id: str,
            hmac: bytes,
            renewers: [DescribedDelegationTokenRenewer {
                principal_type: str,
                principal_name: str,
            }],
        }],
        throttle_time_ms: i32,
    }
}
