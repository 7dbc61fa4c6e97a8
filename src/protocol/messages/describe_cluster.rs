//! DescribeCluster: tells the brokers or controllers of the cluster.

use crate::protocol::codec::declare::message;

message! { DescribeCluster = 60, versions 0..=2, flexible 0..;
    request {
        include_cluster_authorized_operations: bool,
        endpoint_type: i8 [1..] = 1,
        include_fenced_brokers: bool [2..],
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable = null,
        endpoint_type: i8 [1..] = 1,
        cluster_id: str,
        controller_id: i32 = -1,
        brokers: [DescribeClusterBroker {
            broker_id: i32,
            host: str,
            port: i32,
            rack: str nullable = null,
            is_fenced: bool [2..],
        }],
        cluster_authorized_operations: i32 = i32::MIN,
    }
}
