//! DescribeLogDirs: tells directories and how much partitions take in them.

use crate::protocol::codec::declare::message;

message! { DescribeLogDirs = 35, versions 1..=5, flexible 2..;
    request {
        topics: [DescribableLogDirTopic {
            topic: str,
            partitions: [i32],
        }] nullable,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16 [3..] ignorable,
        results: [DescribeLogDirsResult {
            error_code: i16,
            log_dir: str,
            topics: [DescribeLogDirsTopic {
                name: str,
                partitions: [DescribeLogDirsPartition {
                    partition_index: i32,
                    partition_size: i64,
                    offset_lag: i64,
                    is_future_key: bool,
                }],
            }],
            total_bytes: i64 [4..] ignorable = -1,
            usable_bytes: i64 [4..] ignorable = -1,
            is_cordoned: bool [5..] ignorable,
        }],
    }
}
