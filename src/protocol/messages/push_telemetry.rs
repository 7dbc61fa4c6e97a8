//! PushTelemetry: takes metrics of a client.

use crate::protocol::codec::declare::message;

message! { PushTelemetry = 72, versions 0..=0, flexible 0..;
    request {
        client_instance_id: uuid,
        subscription_id: i32,
        terminating: bool,
        compression_type: i8,
        metrics: bytes,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
    }
}
