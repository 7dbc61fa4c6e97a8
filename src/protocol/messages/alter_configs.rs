//! AlterConfigs: replaces all configs of a resource.

use crate::protocol::codec::declare::message;

message! { AlterConfigs = 33, versions 0..=2, flexible 2..;
    request {
        resources: [AlterConfigsResource {
            resource_type: i8,
            resource_name: str,
            configs: [AlterableConfig {
                name: str,
                value: str nullable,
            }],
        }],
        validate_only: bool,
    }
    response {
        throttle_time_ms: i32,
        responses: [AlterConfigsResourceResponse {
            error_code: i16,
            error_message: str nullable,
            resource_type: i8,
            resource_name: str,
        }],
    }
}
