//! DescribeTopicPartitions: tells partitions of topics, page by page.

use crate::protocol::codec::declare::message;

message! { DescribeTopicPartitions = 75, versions 0..=0, flexible 0..;
    request {
        topics: [TopicRequest {
            name: str,
        }],
        response_partition_limit: i32 = 2000,
        cursor: (Cursor {
            topic_name: str,
            partition_index: i32,
        }) nullable = null,
    }
    response {
        throttle_time_ms: i32 ignorable,
        topics: [DescribeTopicPartitionsResponseTopic {
            error_code: i16,
            name: str nullable,
            topic_id: uuid ignorable,
            is_internal: bool ignorable,
            partitions: [DescribeTopicPartitionsResponsePartition {
                error_code: i16,
                partition_index: i32,
                leader_id: i32,
                leader_epoch: i32 ignorable = -1,
                replica_nodes: [i32],
                isr_nodes: [i32],
                eligible_leader_replicas: [i32] nullable = null,
                last_known_elr: [i32] nullable = null,
                offline_replicas: [i32] ignorable,
            }],
            topic_authorized_operations: i32 = i32::MIN,
        }],
        next_cursor: (Cursor {
            topic_name: str,
            partition_index: i32,
        }) nullable = null,
    }
}
