//! SyncGroup: hands out the assignment of a classic group's generation.

use crate::protocol::codec::declare::message;

message! { SyncGroup = 14, versions 0..=5, flexible 4..;
    request {
        group_id: str,
        generation_id: i32,
        member_id: str,
        group_instance_id: str [3..] nullable = null,
        protocol_type: str [5..] nullable ignorable = null,
        protocol_name: str [5..] nullable ignorable = null,
        assignments: [SyncGroupRequestAssignment {
            member_id: str,
            assignment: bytes,
        }],
    }
    response {
        throttle_time_ms: i32 [1..] ignorable,
        error_code: i16,
        protocol_type: str [5..] nullable ignorable = null,
        protocol_name: str [5..] nullable ignorable = null,
        assignment: bytes,
    }
}
