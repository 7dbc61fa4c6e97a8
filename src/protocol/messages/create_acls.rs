//! CreateAcls: adds access rules.

use crate::protocol::codec::declare::message;

message! { CreateAcls = 30, versions 1..=3, flexible 2..;
    request {
        creations: [AclCreation {
            resource_type: i8,
            resource_name: str,
            resource_pattern_type: i8 = 3,
            principal: str,
            host: str,
            operation: i8,
            permission_type: i8,
        }],
    }
    response {
        throttle_time_ms: i32,
        results: [AclCreationResult {
            error_code: i16,
            error_message: str nullable,
        }],
    }
}
