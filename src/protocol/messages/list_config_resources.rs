//! ListConfigResources: lists the resources that have configs.

use crate::protocol::codec::declare::message;

message! { ListConfigResources = 74, versions 0..=1, flexible 0..;
    request {
        resource_types: [i8] [1..],
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        config_resources: [ConfigResource {
            resource_name: str,
            resource_type: i8 [1..] ignorable = 16,
        }],
    }
}
