//! Fetch: reads record batches from partitions, waiting for enough of them.

use crate::protocol::codec::declare::message;

message! { Fetch = 1, versions 4..=18, flexible 12..;
    request {
        cluster_id: str [12..] nullable tag(0) ignorable = null,
        replica_id: i32 [4..=14] = -1,
        replica_state: (ReplicaState {
            replica_id: i32 = -1,
            replica_epoch: i64 = -1,
        }) [15..] tag(1),
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 ignorable = i32::MAX,
        isolation_level: i8 ignorable,
        session_id: i32 [7..] ignorable,
        session_epoch: i32 [7..] ignorable = -1,
        topics: [FetchTopic {
            topic: str [4..=12] ignorable,
            topic_id: uuid [13..] ignorable,
            partitions: [FetchPartition {
                partition: i32,
                current_leader_epoch: i32 [9..] ignorable = -1,
                fetch_offset: i64,
                last_fetched_epoch: i32 [12..] = -1,
                log_start_offset: i64 [5..] ignorable = -1,
                partition_max_bytes: i32,
                replica_directory_id: uuid [17..] tag(0) ignorable,
                high_watermark: i64 [18..] tag(1) ignorable = i64::MAX,
            }],
        }],
        forgotten_topics_data: [ForgottenTopic {
            topic: str [7..=12] ignorable,
            topic_id: uuid [13..] ignorable,
            partitions: [i32],
        }] [7..],
        rack_id: str [11..] ignorable,
    }
    response {
        throttle_time_ms: i32 ignorable,
        error_code: i16 [7..] ignorable,
        session_id: i32 [7..],
        responses: [FetchableTopicResponse {
            topic: str [4..=12] ignorable,
            topic_id: uuid [13..] ignorable,
            partitions: [PartitionData {
                partition_index: i32,
                error_code: i16,
                high_watermark: i64,
                last_stable_offset: i64 ignorable = -1,
                log_start_offset: i64 [5..] ignorable = -1,
                diverging_epoch: (EpochEndOffset {
                    epoch: i32 = -1,
                    end_offset: i64 = -1,
                }) [12..] tag(0),
                current_leader: (LeaderIdAndEpoch {
                    leader_id: i32 = -1,
                    leader_epoch: i32 = -1,
                }) [12..] tag(1),
                snapshot_id: (SnapshotId {
                    end_offset: i64 = -1,
                    epoch: i32 = -1,
                }) [12..] tag(2),
                aborted_transactions: [AbortedTransaction {
                    producer_id: i64,
                    first_offset: i64,
                }] nullable ignorable,
                preferred_read_replica: i32 [11..] = -1,
                records: records nullable = null,
            }],
        }],
        node_endpoints: [NodeEndpoint {
            node_id: i32,
            host: str,
            port: i32,
            rack: str nullable = null,
        }] [16..] tag(0),
    }
}
