//! Settings of topics, resolved from their layers once per image and not at every request.

use std::collections::HashMap;

use parking_lot::RwLock;

use crate::settings::TopicSettings;
use crate::types::TopicId;

/// Settings of topics in the newest image that a request had.
#[derive(Debug, Default)]
pub struct Resolved(RwLock<OfImage>);

#[derive(Debug, Default)]
struct OfImage {
    /// Raft index of the image.
    index: u64,
    topics: HashMap<TopicId, TopicSettings>,
}

impl Resolved {
    /// The settings of `topic` in the image of Raft index `index`, resolved by the first request that needs them.
    pub fn get(&self, index: u64, topic: TopicId, resolve: impl FnOnce() -> TopicSettings) -> TopicSettings {
        if let Some(settings) = self.0.read().get(index, topic) {
            return settings;
        }
        let settings = resolve();
        let mut resolved = self.0.write();
        if resolved.index < index {
            *resolved = OfImage { index, topics: HashMap::new() };
        }
        if resolved.index == index {
            resolved.topics.insert(topic, settings);
        }
        settings
    }
}

impl OfImage {
    fn get(&self, index: u64, topic: TopicId) -> Option<TopicSettings> {
        self.topics.get(&topic).filter(|_| self.index == index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_resolves_a_topic_once() {
        let resolved = Resolved::default();
        let topic = TopicId(uuid::Uuid::from_u128(1));
        let with = |max_message_bytes| TopicSettings { max_message_bytes, ..TopicSettings::defaults() };
        let known = || unreachable!("it was resolved for this image");
        assert_eq!(resolved.get(5, topic, || with(1)), with(1));
        assert_eq!(resolved.get(5, topic, known), with(1));
        assert_eq!(resolved.get(6, topic, || with(2)), with(2), "a newer image has other settings");
        assert_eq!(resolved.get(5, topic, || with(1)), with(1), "a request that began before sees its own");
        assert_eq!(resolved.get(6, topic, known), with(2));
    }
}
