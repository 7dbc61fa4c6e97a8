//! ApiVersions: tells which APIs, versions and features the broker has.

use crate::protocol::codec::declare::message;

message! { ApiVersions = 18, versions 0..=5, flexible 3..;
    request {
        client_software_name: str [3..] ignorable,
        client_software_version: str [3..] ignorable,
        cluster_id: str [5..] nullable ignorable = null,
        node_id: i32 [5..] ignorable = -1,
    }
    response {
        error_code: i16,
        api_keys: [ApiVersion {
            api_key: i16,
            min_version: i16,
            max_version: i16,
        }],
        throttle_time_ms: i32 [1..] ignorable,
        supported_features: [SupportedFeatureKey {
            name: str,
            min_version: i16,
            max_version: i16,
        }] [3..] tag(0) ignorable,
        finalized_features_epoch: i64 [3..] tag(1) ignorable = -1,
        finalized_features: [FinalizedFeatureKey {
            name: str,
            max_version_level: i16,
            min_version_level: i16,
        }] [3..] tag(2) ignorable,
        zk_migration_ready: bool [3..] tag(3) ignorable,
    }
}
