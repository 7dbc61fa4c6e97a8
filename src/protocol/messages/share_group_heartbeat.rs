//! ShareGroupHeartbeat: carries all of a member's part in a share group.

use crate::protocol::codec::declare::message;

message! { ShareGroupHeartbeat = 76, versions 1..=1, flexible 0..;
    request {
        group_id: str,
        member_id: str,
        member_epoch: i32,
        rack_id: str nullable = null,
        subscribed_topic_names: [str] nullable = null,
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
