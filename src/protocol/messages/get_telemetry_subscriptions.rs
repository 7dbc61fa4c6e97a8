//! GetTelemetrySubscriptions: tells which metrics a client should push.

use crate::protocol::codec::declare::message;

message! { GetTelemetrySubscriptions = 71, versions 0..=0, flexible 0..;
    request {
        client_instance_id: uuid,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        client_instance_id: uuid,
        subscription_id: i32,
        accepted_compression_types: [i8],
        push_interval_ms: i32,
        telemetry_max_bytes: i32,
        delta_temporality: bool,
        requested_metrics: [str],
    }
}
