//! ConsumerGroupHeartbeat: carries all of a member's part in a consumer group.

use crate::protocol::codec::declare::message;

message! { ConsumerGroupHeartbeat = 68, versions 0..=1, flexible 0..;
    request {
        group_id: str,
        member_id: str,
        member_epoch: i32,
        instance_id: str nullable = null,
        rack_id: str nullable = null,
        rebalance_timeout_ms: i32 = -1,
        subscribed_topic_names: [str] nullable = null,
        subscribed_topic_regex: str [1..] nullable = null,
        server_assignor: str nullable = null,
        topic_partitions: [TopicPartitions {
            topic_id: uuid,
            partitions: [i32],
        }] nullable = null,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable = null,
        member_id: str nullable = null,
        member_epoch: i32,
        heartbeat_interval_ms: i32,
        assignment: (Assignment {
            topic_partitions: [TopicPartitions {
                topic_id: uuid,
                partitions: [i32],
            }],
        }) nullable = null,
    }
}
