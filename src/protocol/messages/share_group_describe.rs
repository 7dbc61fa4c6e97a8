//! ShareGroupDescribe: tells state and members of share groups.

use crate::protocol::codec::declare::message;

message! { ShareGroupDescribe = 77, versions 1..=1, flexible 0..;
    request {
        group_ids: [str],
        include_authorized_operations: bool,
    }
    response {
        throttle_time_ms: i32,
        groups: [DescribedGroup {
            error_code: i16,
            error_message: str nullable = null,
            group_id: str,
            group_state: str,
            group_epoch: i32,
            assignment_epoch: i32,
            assignor_name: str,
            members: [Member {
                member_id: str,
                rack_id: str nullable = null,
                member_epoch: i32,
                client_id: str,
                client_host: str,
                subscribed_topic_names: [str],
                assignment: (Assignment {
                    topic_partitions: [TopicPartitions {
                        topic_id: uuid,
                        topic_name: str,
                        partitions: [i32],
                    }],
                }),
            }],
            authorized_operations: i32 = i32::MIN,
        }],
    }
}
