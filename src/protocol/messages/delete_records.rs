//! DeleteRecords: moves the log start of partitions up.

use crate::protocol::codec::declare::message;

message! { DeleteRecords = 21, versions 0..=2, flexible 2..;
    request {
        topics: [DeleteRecordsTopic {
            name: str,
            partitions: [DeleteRecordsPartition {
                partition_index: i32,
                offset: i64,
            }],
        }],
        timeout_ms: i32,
    }
    response {
        throttle_time_ms: i32,
        topics: [DeleteRecordsTopicResult {
            name: str,
            partitions: [DeleteRecordsPartitionResult {
                partition_index: i32,
                low_watermark: i64,
                error_code: i16,
            }],
        }],
    }
}
