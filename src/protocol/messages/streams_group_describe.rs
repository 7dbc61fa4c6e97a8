//! StreamsGroupDescribe: tells state, topology and members of streams groups.

use crate::protocol::codec::declare::message;

message! { StreamsGroupDescribe = 89, versions 0..=1, flexible 0..;
    request {
        group_ids: [str],
        include_authorized_operations: bool,
        include_topology_description: bool [1..],
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
            topology: (Topology {
                epoch: i32,
                subtopologies: [Subtopology {
                    subtopology_id: str,
                    source_topics: [str],
                    repartition_sink_topics: [str],
                    state_changelog_topics: [TopicInfo {
                        name: str,
                        partitions: i32,
                        replication_factor: i16,
                        topic_configs: [KeyValue {
                            key: str,
                            value: str,
                        }],
                    }],
                    repartition_source_topics: [TopicInfo],
                }] nullable = null,
            }) nullable = null,
            members: [Member {
                member_id: str,
                member_epoch: i32,
                instance_id: str nullable = null,
                rack_id: str nullable = null,
                client_id: str,
                client_host: str,
                topology_epoch: i32,
                process_id: str,
                user_endpoint: (Endpoint {
                    host: str,
                    port: u16,
                }) nullable = null,
                client_tags: [KeyValue],
                task_offsets: [TaskOffset {
                    subtopology_id: str,
                    partition: i32,
                    offset: i64,
                }],
                task_end_offsets: [TaskOffset],
                assignment: (Assignment {
                    active_tasks: [TaskIds {
                        subtopology_id: str,
                        partitions: [i32],
                    }],
                    standby_tasks: [TaskIds],
                    warmup_tasks: [TaskIds],
                }),
                target_assignment: (Assignment),
                is_classic: bool,
            }],
            authorized_operations: i32 = i32::MIN,
            topology_description: (TopologyDescription {
                subtopologies: [TopologyDescriptionSubtopology {
                    subtopology_id: str [1..],
                    nodes: [TopologyDescriptionNode {
                        name: str [1..],
                        node_type: i8 [1..],
                        source_topics: [str] [1..],
                        sink_topic: str [1..] nullable = null,
                        stores: [str] [1..],
                        successors: [str] [1..],
                    }] [1..],
                }] [1..],
                global_stores: [TopologyDescriptionGlobalStore {
                    source: (TopologyDescriptionNode) [1..],
                    processor: (TopologyDescriptionNode) [1..],
                }] [1..],
            }) [1..] nullable = null,
            topology_description_status: i8 [1..],
            assignor_name: str [1..] nullable ignorable = null,
        }],
    }
}
