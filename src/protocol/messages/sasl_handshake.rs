//! SaslHandshake: picks the SASL mechanism.

use crate::protocol::codec::declare::message;

message! { SaslHandshake = 17, versions 0..=1, flexible none;
    request {
        mechanism: str,
    }
    response {
        error_code: i16,
        mechanisms: [str],
    }
}
