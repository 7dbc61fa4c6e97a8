//! UnregisterController: removes a controller for good.

use crate::protocol::codec::declare::message;

message! { UnregisterController = 94, versions 0..=0, flexible 0..;
    request {
        controller_id: i32,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable,
    }
}
