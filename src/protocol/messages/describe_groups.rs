//! DescribeGroups: tells state and members of classic groups.

use crate::protocol::codec::declare::message;

message! { DescribeGroups = 15, versions 0..=6, flexible 5..;
    request {
        groups: [str],
        include_authorized_operations: bool [3..],
    }
    response {
        throttle_time_ms: i32 [1..] ignorable,
        groups: [DescribedGroup {
            error_code: i16,
            error_message: str [6..] nullable = null,
            group_id: str,
            group_state: str,
            protocol_type: str,
            protocol_data: str,
            members: [DescribedGroupMember {
                member_id: str,
                group_instance_id: str [4..] nullable ignorable = null,
                client_id: str,
                client_host: str,
                member_metadata: bytes,
                member_assignment: bytes,
            }],
            authorized_operations: i32 [3..] = i32::MIN,
        }],
    }
}
