//! DeleteShareGroupOffsets: deletes how far share groups have got.

use crate::protocol::codec::declare::message;

message! { DeleteShareGroupOffsets = 92, versions 0..=0, flexible 0..;
    request {
        group_id: str,
        topics: [DeleteShareGroupOffsetsRequestTopic {
            topic_name: str,
        }],
    }
    response {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: str nullable = null,
        responses: [DeleteShareGroupOffsetsResponseTopic {
            topic_name: str,
            topic_id: uuid,
            error_code: i16,
            error_message: str nullable = null,
        }],
    }
}
