//! LeaveGroup: takes members out of a classic group.

use crate::protocol::codec::declare::message;

message! { LeaveGroup = 13, versions 0..=5, flexible 4..;
    request {
        group_id: str,
        member_id: str [0..=2],
        members: [MemberIdentity {
            member_id: str,
            group_instance_id: str nullable = null,
            reason: str [5..] nullable ignorable = null,
        }] [3..],
    }
    response {
        throttle_time_ms: i32 [1..] ignorable,
        error_code: i16,
        members: [MemberResponse {
            member_id: str,
            group_instance_id: str nullable,
            error_code: i16,
        }] [3..],
    }
}
