//! DescribeQuorum: tells the state of the metadata quorum.

use crate::protocol::codec::declare::message;

message! { DescribeQuorum = 55, versions 0..=2, flexible 0..;
    request {
        topics: [TopicData {
            topic_name: str,
            partitions: [PartitionData {
                partition_index: i32,
            }],
        }],
    }
    response {
        error_code: i16,
        error_message: str [2..] nullable ignorable,
        topics: [TopicData {
            topic_name: str,
            partitions: [PartitionData {
                partition_index: i32,
                error_code: i16,
                error_message: str [2..] nullable ignorable,
                leader_id: i32,
                leader_epoch: i32,
                high_watermark: i64,
                current_voters: [ReplicaState {
                    replica_id: i32,
                    replica_directory_id: uuid [2..],
                    log_end_offset: i64,
                    last_fetch_timestamp: i64 [1..] ignorable = -1,
                    last_caught_up_timestamp: i64 [1..] ignorable = -1,
                }],
                observers: [ReplicaState],
            }],
        }],
        nodes: [Node {
            node_id: i32,
            listeners: [Listener {
                name: str,
                host: str,
                port: u16,
            }],
        }] [2..],
    }
}
