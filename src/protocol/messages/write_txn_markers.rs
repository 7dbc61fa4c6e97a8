//! WriteTxnMarkers: writes the end of a transaction into its partitions.

use crate::protocol::codec::declare::message;

message! { WriteTxnMarkers = 27, versions 1..=2, flexible 1..;
    request {
        markers: [WritableTxnMarker {
            producer_id: i64,
            producer_epoch: i16,
            transaction_result: bool,
            topics: [WritableTxnMarkerTopic {
                name: str,
                partition_indexes: [i32],
            }],
            coordinator_epoch: i32,
            transaction_version: i8 [2..] ignorable,
        }],
    }
    response {
        markers: [WritableTxnMarkerResult {
            producer_id: i64,
            topics: [WritableTxnMarkerTopicResult {
                name: str,
                partitions: [WritableTxnMarkerPartitionResult {
                    partition_index: i32,
                    error_code: i16,
                }],
            }],
        }],
    }
}
