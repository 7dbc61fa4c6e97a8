//! FindCoordinator: tells which broker coordinates a group, a transactional id or a share partition.

use crate::protocol::codec::declare::message;

message! { FindCoordinator = 10, versions 0..=6, flexible 3..;
    request {
        key: str [0..=3],
        key_type: i8 [1..],
        coordinator_keys: [str] [4..],
    }
    response {
        throttle_time_ms: i32 [1..] ignorable,
        error_code: i16 [0..=3],
        error_message: str [1..=3] nullable ignorable,
        node_id: i32 [0..=3],
        host: str [0..=3],
        port: i32 [0..=3],
        coordinators: [Coordinator {
            key: str,
            node_id: i32,
            host: str,
            port: i32,
            error_code: i16,
            error_message: str nullable ignorable,
        }] [4..],
    }
}
