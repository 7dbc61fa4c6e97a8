//! Topics as groups know them.

use std::sync::Arc;

use crate::types::TopicId;

/// A topic as a group needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    pub id: TopicId,
    pub partitions: i32,
}

/// The topics of one moment. The layer that knows the cluster's metadata gives it.
pub trait Topics {
    /// Grows whenever topics may have changed; above 0.
    fn version(&self) -> u64;

    fn by_name(&self, name: &str) -> Option<Topic>;

    fn name(&self, id: TopicId) -> Option<Arc<str>>;

    /// The names of all topics.
    fn names(&self) -> Box<dyn Iterator<Item = Arc<str>> + '_>;
}

/// The name of every topic by its id. An id without a name was a topic once.
pub type TopicNames = dyn Fn(TopicId) -> Option<Arc<str>> + Send + Sync;
