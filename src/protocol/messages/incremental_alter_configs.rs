//! IncrementalAlterConfigs: sets, deletes, appends to or subtracts from single configs.

use crate::protocol::codec::declare::message;

message! { IncrementalAlterConfigs = 44, versions 0..=1, flexible 1..;
    request {
        resources: [AlterConfigsResource {
            resource_type: i8,
            resource_name: str,
            configs: [AlterableConfig {
                name: str,
                config_operation: i8,
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
