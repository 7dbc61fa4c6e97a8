//! AlterUserScramCredentials: sets and deletes SCRAM credentials.

use crate::protocol::codec::declare::message;

message! { AlterUserScramCredentials = 51, versions 0..=0, flexible 0..;
    request {
        deletions: [ScramCredentialDeletion {
            name: str,
            mechanism: i8,
        }],
        upsertions: [ScramCredentialUpsertion {
            name: str,
            mechanism: i8,
            iterations: i32,
            salt: bytes,
            salted_password: bytes,
        }],
    }
    response {
        throttle_time_ms: i32,
        results: [AlterUserScramCredentialsResult {
            user: str,
            error_code: i16,
            error_message: str nullable,
        }],
    }
}
