//! DeleteTopics: deletes topics, by name or by id.

use crate::protocol::codec::declare::message;

message! { DeleteTopics = 20, versions 1..=6, flexible 4..;
    request {
        topics: [DeleteTopicState {
            name: str nullable = null,
            topic_id: uuid,
        }] [6..],
        topic_names: [str] [1..=5] ignorable,
        timeout_ms: i32,
    }
    response {
        throttle_time_ms: i32 ignorable,
        responses: [DeletableTopicResult {
            name: str nullable_since(6),
            topic_id: uuid [6..] ignorable,
            error_code: i16,
            error_message: str [5..] nullable ignorable = null,
        }],
    }
}
