//! AlterClientQuotas: changes client quotas.

use crate::protocol::codec::declare::message;

message! { AlterClientQuotas = 49, versions 0..=1, flexible 1..;
    request {
        entries: [EntryData {
            entity: [EntityData {
                entity_type: str,
                entity_name: str nullable,
            }],
            ops: [OpData {
                key: str,
                value: f64,
                remove: bool,
            }],
        }],
        validate_only: bool,
    }
    response {
        throttle_time_ms: i32,
        entries: [EntryData {
            error_code: i16,
            error_message: str nullable,
            entity: [EntityData {
                entity_type: str,
                entity_name: str nullable,
            }],
        }],
    }
}
