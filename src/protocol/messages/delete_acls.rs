//! DeleteAcls: removes access rules.

use crate::protocol::codec::declare::message;

message! { DeleteAcls = 31, versions 1..=3, flexible 2..;
    request {
        filters: [DeleteAclsFilter {
            resource_type_filter: i8,
            resource_name_filter: str nullable,
            pattern_type_filter: i8 = 3,
            principal_filter: str nullable,
            host_filter: str nullable,
            operation: i8,
            permission_type: i8,
        }],
    }
    response {
        throttle_time_ms: i32,
        filter_results: [DeleteAclsFilterResult {
            error_code: i16,
            error_message: str nullable,
            matching_acls: [DeleteAclsMatchingAcl {
                error_code: i16,
                error_message: str nullable,
                resource_type: i8,
                resource_name: str,
                pattern_type: i8 = 3,
                principal: str,
                host: str,
                operation: i8,
                permission_type: i8,
            }],
        }],
    }
}
