//! JoinGroup: enters a classic group, or its next generation.

use crate::protocol::codec::declare::message;

message! { JoinGroup = 11, versions 0..=9, flexible 6..;
    request {
        group_id: str,
        session_timeout_ms: i32,
        rebalance_timeout_ms: i32 [1..] ignorable = -1,
        member_id: str,
        group_instance_id: str [5..] nullable = null,
        protocol_type: str,
        protocols: [JoinGroupRequestProtocol {
            name: str,
            metadata: bytes,
        }],
        reason: str [8..] nullable ignorable = null,
    }
    response {
        throttle_time_ms: i32 [2..] ignorable,
        error_code: i16,
        generation_id: i32 = -1,
        protocol_type: str [7..] nullable ignorable = null,
        protocol_name: str nullable_since(7),
        leader: str,
        skip_assignment: bool [9..],
        member_id: str,
        members: [JoinGroupResponseMember {
            member_id: str,
            group_instance_id: str [5..] nullable ignorable = null,
            metadata: bytes,
        }],
    }
}
