//! StreamsGroupHeartbeat: carries all of a member's part in a streams group.

use crate::protocol::codec::declare::message;

message! { StreamsGroupHeartbeat = 88, versions 0..=1, flexible 0..;
    request {
        group_id: str,
        member_id: str,
        member_epoch: i32,
        endpoint_information_epoch: i32,
        instance_id: str nullable = null,
        rack_id: str nullable = null,
        rebalance_timeout_ms: i32 = -1,
        topology: (Topology {
            epoch: i32,
            subtopologies: [Subtopology {
                subtopology_id: str,
                source_topics: [str],
                source_topic_regex: [str],
                state_changelog_topics: [TopicInfo {
                    name: str,
                    partitions: i32,
                    replication_factor: i16,
                    topic_configs: [KeyValue {
                        key: str,
                        value: str,
                    }],
                }],
                repartition_sink_topics: [str],
                repartition_source_topics: [TopicInfo],
                copartition_groups: [CopartitionGroup {
                    source_topics: [i16],
                    source_topic_regex: [i16],
                    repartition_source_topics: [i16],
                }],
            }],
        }) nullable = null,
        active_tasks: [TaskIds {
            subtopology_id: str,
            partitions: [i32],
        }] nullable = null,
        standby_tasks: [TaskIds] nullable = null,
        warmup_tasks: [TaskIds] nullable = null,
        process_id: str nullable = null,
        user_endpoint: (Endpoint {
            host: str,
            port: u16,
        }) nullable = null,
        client_tags: [KeyValue] nullable = null,
        task_offsets: [TaskOffset {
            subtopology_id: str,
            partition: i32,
            offset: i64,
        }] nullable = null,
        task_end_offsets: [TaskOffset] nullable = null,
        shutdown_application: bool,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable = null,
        member_id: str,
        member_epoch: i32,
        heartbeat_interval_ms: i32,
        acceptable_recovery_lag_legacy: i32 [0],
        task_offset_interval_ms: i32,
        acceptable_recovery_lag: i64 [1..] ignorable = -1,
        status: [Status {
            status_code: i8,
            status_detail: str,
        }] nullable,
        active_tasks: [TaskIds {
            subtopology_id: str,
            partitions: [i32],
        }] nullable = null,
        standby_tasks: [TaskIds] nullable = null,
        warmup_tasks: [TaskIds] nullable = null,
        topology_description_required: bool [1..],
        endpoint_information_epoch: i32,
        partitions_by_user_endpoint: [EndpointToPartitions {
            user_endpoint: (Endpoint {
                host: str,
                port: u16,
            }),
            active_partitions: [TopicPartition {
                topic: str,
                partitions: [i32],
            }],
            standby_partitions: [TopicPartition],
        }] nullable = null,
    }
}
