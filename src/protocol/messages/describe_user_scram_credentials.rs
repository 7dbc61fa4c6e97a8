//! DescribeUserScramCredentials: tells SCRAM mechanisms of users.

use crate::protocol::codec::declare::message;

message! { DescribeUserScramCredentials = 50, versions 0..=0, flexible 0..;
    request {
        users: [UserName {
            name: str,
        }] nullable,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable,
        results: [DescribeUserScramCredentialsResult {
            user: str,
            error_code: i16,
            error_message: str nullable,
            credential_infos: [CredentialInfo {
                mechanism: i8,
                iterations: i32,
            }],
        }],
    }
}
