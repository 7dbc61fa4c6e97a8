//! CreateTopics: creates topics.

use crate::protocol::codec::declare::message;

message! { CreateTopics = 19, versions 2..=7, flexible 5..;
    request {
        topics: [CreatableTopic {
            name: str,
            num_partitions: i32,
            replication_factor: i16,
            assignments: [CreatableReplicaAssignment {
                partition_index: i32,
                broker_ids: [i32],
            }],
            configs: [CreatableTopicConfig {
                name: str,
                value: str nullable,
            }],
        }],
        timeout_ms: i32 = 60000,
        validate_only: bool,
    }
    response {
        throttle_time_ms: i32 ignorable,
        topics: [CreatableTopicResult {
            name: str,
            topic_id: uuid [7..] ignorable,
            error_code: i16,
            error_message: str nullable ignorable,
            topic_config_error_code: i16 [5..] tag(0) ignorable,
            num_partitions: i32 [5..] ignorable = -1,
            replication_factor: i16 [5..] ignorable = -1,
            configs: [CreatableTopicConfigs {
                name: str,
                value: str nullable,
                read_only: bool,
                config_source: i8 ignorable = -1,
                is_sensitive: bool,
            }] [5..] nullable ignorable,
        }],
    }
}
