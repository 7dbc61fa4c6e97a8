//! SaslAuthenticate: carries one step of a SASL exchange.

use crate::protocol::codec::declare::message;

message! { SaslAuthenticate = 36, versions 0..=2, flexible 2..;
    request {
        auth_bytes: bytes,
    }
    response {
        error_code: i16,
        error_message: str nullable,
        auth_bytes: bytes,
        session_lifetime_ms: i64 [1..] ignorable,
    }
}
