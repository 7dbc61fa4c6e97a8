//! What the owner of a shard coordinates for the groups and transactional ids whose slots lie on it.
//! It must never know sockets, the metadata image or how rows reach the store: state machines decide, others carry out.
//! Entry point: [`group`], the machines of groups.
//! Invariant: a decision changes nothing; what it leads to is applied at once, and told once it is durable.

mod coordinators;
mod decisions;
mod entry;
mod error;
pub mod group;
mod keeping;
mod offsets;
mod operations;
mod requests;
mod shard;
mod timers;

use std::sync::Arc;

pub use coordinators::Coordinators;
pub use error::Gone;
pub use keeping::TopicSource;
pub use offsets::{Found, Outcomes, TopicNames};
pub use operations::{Described, Listed, Watched};
pub use shard::Coordinator;

/// What is set for all groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    pub classic: group::classic::Limits,
    /// What holds for consumer groups that have no configs of their own.
    pub consumer: group::consumer::Settings,
    pub offsets: group::offsets::Limits,
}

/// What is set for a consumer group of this name, given what holds for those without configs of their own.
pub type GroupSettingsOf = dyn Fn(&str, group::consumer::Settings) -> group::consumer::Settings + Send + Sync;

/// How metadata becomes known, to a layer that knows none.
pub struct MetadataSource {
    /// The topics of now.
    pub topics: Box<dyn Fn() -> Arc<dyn group::consumer::Topics> + Send + Sync>,
    pub group_settings: Box<GroupSettingsOf>,
}
