//! The topics of one image of the metadata, as consumer groups see them.

use std::sync::Arc;

use crate::coordinator::group::{Topic, Topics};
use crate::metadata::Image;
use crate::types::TopicId;

/// The topics of one image.
pub struct GroupTopics(Arc<Image>);

impl GroupTopics {
    pub fn of(image: Arc<Image>) -> GroupTopics {
        GroupTopics(image)
    }
}

impl Topics for GroupTopics {
    /// Grows with every change of the metadata, whether of topics or not.
    fn version(&self) -> u64 {
        self.0.index
    }

    fn by_name(&self, name: &str) -> Option<Topic> {
        let topic = self.0.topic_by_name(name)?;
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        Some(Topic { id: topic.id, partitions })
    }

    fn name(&self, id: TopicId) -> Option<Arc<str>> {
        self.0.topic(id).map(|topic| Arc::clone(&topic.name))
    }

    fn names(&self) -> Box<dyn Iterator<Item = Arc<str>> + '_> {
        Box::new(self.0.topics.iter().map(|topic| Arc::clone(&topic.name)))
    }
}
