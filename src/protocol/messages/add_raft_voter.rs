//! AddRaftVoter: adds a voter to the metadata quorum.

use crate::protocol::codec::declare::message;

message! { AddRaftVoter = 80, versions 0..=1, flexible 0..;
    request {
        cluster_id: str nullable,
        timeout_ms: i32,
        voter_id: i32,
        voter_directory_id: uuid,
        listeners: [Listener {
            name: str,
            host: str,
            port: u16,
        }],
        ack_when_committed: bool [1..] = true,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable ignorable,
    }
}
