//! DeleteGroups: deletes groups without members.

use crate::protocol::codec::declare::message;

message! { DeleteGroups = 42, versions 0..=3, flexible 2..;
    request {
        groups_names: [str],
    }
    response {
        throttle_time_ms: i32,
        results: [DeletableGroupResult {
            group_id: str,
            error_code: i16,
            error_message: str [3..] nullable ignorable = null,
        }],
    }
}
