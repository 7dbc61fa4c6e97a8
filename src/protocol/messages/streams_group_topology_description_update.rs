//! StreamsGroupTopologyDescriptionUpdate: stores the topology description of a streams group.

use crate::protocol::codec::declare::message;

message! { StreamsGroupTopologyDescriptionUpdate = 93, versions 0..=0, flexible 0..;
    request {
        group_id: str,
        member_id: str,
        topology_epoch: i32,
        topology_description: (TopologyDescription {
            subtopologies: [TopologyDescriptionSubtopology {
                subtopology_id: str,
                nodes: [TopologyDescriptionNode {
                    name: str,
                    node_type: i8,
                    source_topics: [str],
                    sink_topic: str nullable = null,
                    stores: [str],
                    successors: [str],
                }],
            }],
            global_stores: [TopologyDescriptionGlobalStore {
                source: (TopologyDescriptionNode),
                processor: (TopologyDescriptionNode),
            }],
        }),
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable = null,
    }
}
