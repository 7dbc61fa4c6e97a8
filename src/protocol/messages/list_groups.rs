//! ListGroups: lists the groups that a broker coordinates.

use crate::protocol::codec::declare::message;

message! { ListGroups = 16, versions 0..=5, flexible 3..;
    request {
        states_filter: [str] [4..],
        types_filter: [str] [5..],
    }
    response {
        throttle_time_ms: i32 [1..] ignorable,
        error_code: i16,
        groups: [ListedGroup {
            group_id: str,
            protocol_type: str,
            group_state: str [4..] ignorable,
            group_type: str [5..] ignorable,
        }],
    }
}
