//! A topic, as the shards of its partitions remember it.

use super::row::*;

row! {
    /// The metadata's word on a topic when the shard served it last: were the metadata lost, it is made anew from these.
    pub struct KeptTopic = Tag::Topic, "topic", versions 1..=1;
    of {}
    key { id: TopicId }
    value {
        created_ms: i64,
        /// The number of partitions that the topic has on all shards together.
        partitions: u32,
        /// Those on this shard.
        here: Vec<u32>,
        name: String,
        configs: BTreeMap<String, String>,
    }
}
