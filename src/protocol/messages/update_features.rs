//! UpdateFeatures: finalises feature levels.

use crate::protocol::codec::declare::message;

message! { UpdateFeatures = 57, versions 0..=2, flexible 0..;
    request {
        timeout_ms: i32 = 60000,
        feature_updates: [FeatureUpdateKey {
            feature: str,
            max_version_level: i16,
            allow_downgrade: bool [0],
            upgrade_type: i8 [1..] = 1,
        }],
        validate_only: bool [1..],
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable,
        results: [UpdatableFeatureResult {
            feature: str,
            error_code: i16,
            error_message: str nullable,
        }] [0..=1] ignorable,
    }
}
