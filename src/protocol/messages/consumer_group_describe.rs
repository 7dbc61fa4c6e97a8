//! ConsumerGroupDescribe: tells state and members of consumer groups.

use crate::protocol::codec::declare::message;

message! { ConsumerGroupDescribe = 69, versions 0..=1, flexible 0..;
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
                instance_id: str nullable = null,
                rack_id: str nullable = null,
                member_epoch: i32,
                client_id: str,
                client_host: str,
                subscribed_topic_names: [str],
                subscribed_topic_regex: str nullable = null,
                assignment: (Assignment {
                    topic_partitions: [TopicPartitions {
                        topic_id: uuid,
                        topic_name: str,
                        partitions: [i32],
                    }],
                }),
                target_assignment: (Assignment),
                member_type: i8 [1..] ignorable = -1,
            }],
            authorized_operations: i32 = i32::MIN,
        }],
    }
}
