//! ElectLeaders: elects partition leaders.

use crate::protocol::codec::declare::message;

message! { ElectLeaders = 43, versions 0..=2, flexible 2..;
    request {
        election_type: i8 [1..],
        topic_partitions: [TopicPartitions {
            topic: str,
            partitions: [i32],
        }] nullable,
        timeout_ms: i32 = 60000,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16 [1..],
        replica_election_results: [ReplicaElectionResult {
            topic: str,
            partition_result: [PartitionResult {
                partition_id: i32,
                error_code: i16,
                error_message: str nullable,
            }],
        }],
    }
}
