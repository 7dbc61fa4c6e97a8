//! Heartbeat: keeps a member in a classic group.

use crate::protocol::codec::declare::message;

message! { Heartbeat = 12, versions 0..=4, flexible 4..;
    request {
        group_id: str,
        generation_id: i32,
        member_id: str,
        group_instance_id: str [3..] nullable = null,
    }
    response {
        throttle_time_ms: i32 [1..] ignorable,
        error_code: i16,
    }
}
