//! DescribeClientQuotas: lists client quotas.

use crate::protocol::codec::declare::message;

message! { DescribeClientQuotas = 48, versions 0..=1, flexible 1..;
    request {
        components: [ComponentData {
            entity_type: str,
            match_type: i8,
            r#match: str nullable,
        }],
        strict: bool,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable,
        entries: [EntryData {
            entity: [EntityData {
                entity_type: str,
                entity_name: str nullable,
            }],
            values: [ValueData {
                key: str,
                value: f64,
            }],
        }] nullable,
    }
}
