//! Metadata: tells brokers, topics, partitions and who leads them.

use crate::protocol::codec::declare::message;

message! { Metadata = 3, versions 0..=13, flexible 9..;
    request {
        topics: [MetadataRequestTopic {
            topic_id: uuid [10..] ignorable,
            name: str nullable_since(10),
        }] nullable_since(1),
        allow_auto_topic_creation: bool [4..] = true,
        include_cluster_authorized_operations: bool [8..=10],
        include_topic_authorized_operations: bool [8..],
    }
    response {
        throttle_time_ms: i32 [3..] ignorable,
        brokers: [MetadataResponseBroker {
            node_id: i32,
            host: str,
            port: i32,
            rack: str [1..] nullable ignorable = null,
        }],
        cluster_id: str [2..] nullable ignorable = null,
        controller_id: i32 [1..] ignorable = -1,
        topics: [MetadataResponseTopic {
            error_code: i16,
            name: str nullable_since(12),
            topic_id: uuid [10..] ignorable,
            is_internal: bool [1..] ignorable,
            partitions: [MetadataResponsePartition {
                error_code: i16,
                partition_index: i32,
                leader_id: i32,
                leader_epoch: i32 [7..] ignorable = -1,
                replica_nodes: [i32],
                isr_nodes: [i32],
                offline_replicas: [i32] [5..] ignorable,
            }],
            topic_authorized_operations: i32 [8..] = i32::MIN,
        }],
        cluster_authorized_operations: i32 [8..=10] = i32::MIN,
        error_code: i16 [13..] ignorable,
    }
}
