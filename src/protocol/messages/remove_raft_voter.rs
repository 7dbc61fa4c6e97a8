//! RemoveRaftVoter: removes a voter from the metadata quorum.

use crate::protocol::codec::declare::message;

message! { RemoveRaftVoter = 81, versions 0..=0, flexible 0..;
    request {
        cluster_id: str nullable,
        voter_id: i32,
        voter_directory_id: uuid,
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable ignorable,
    }
}
