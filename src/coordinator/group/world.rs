//! The world of a group: all that its decisions depend on besides itself and what it is asked.

use std::sync::Arc;

use super::settings::{Consumer, Settings};
use super::topics::Topics;

/// The settings of a consumer group of this name, given those of groups without configs of their own.
pub type GroupSettingsOf = dyn Fn(&str, Consumer) -> Consumer + Send + Sync;

/// The source of metadata, for a layer that knows none.
pub struct MetadataSource {
    /// The topics of now.
    pub topics: Box<dyn Fn() -> Arc<dyn Topics> + Send + Sync>,
    pub group_settings: Box<GroupSettingsOf>,
}

/// The world as one group may know it at one time.
pub struct World {
    pub settings: Settings,
    pub metadata: Arc<MetadataSource>,
    /// The group.
    pub id: Arc<str>,
    pub now_ms: i64,
}

impl World {
    /// The settings of this consumer group: its own configs, where it has any, over the broker's.
    pub fn consumer_settings(&self) -> Consumer {
        (self.metadata.group_settings)(&self.id, self.settings.consumer)
    }
}
