//! DescribeConfigs: tells configs with their sources and synonyms.

use crate::protocol::codec::declare::message;

message! { DescribeConfigs = 32, versions 1..=4, flexible 4..;
    request {
        resources: [DescribeConfigsResource {
            resource_type: i8,
            resource_name: str,
            configuration_keys: [str] nullable,
        }],
        include_synonyms: bool,
        include_documentation: bool [3..],
    }
    response {
        throttle_time_ms: i32,
        results: [DescribeConfigsResult {
            error_code: i16,
            error_message: str nullable,
            resource_type: i8,
            resource_name: str,
            configs: [DescribeConfigsResourceResult {
                name: str,
                value: str nullable,
                read_only: bool,
                config_source: i8 ignorable = -1,
                is_sensitive: bool,
                synonyms: [DescribeConfigsSynonym {
                    name: str,
                    value: str nullable,
                    source: i8,
                }] ignorable,
                config_type: i8 [3..] ignorable,
                documentation: str [3..] nullable ignorable,
            }],
        }],
    }
}
