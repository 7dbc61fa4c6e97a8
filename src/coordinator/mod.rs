//! What the owner of a shard coordinates for the groups and transactional ids whose slots lie on it.
//! It must never know sockets, the metadata image or how rows reach the store: state machines decide, others carry out.
//! Entry point: [`group`], the machines of groups.
//! Invariant: a decision changes nothing; what it leads to is applied at once, and told once it is durable.

mod coordinators;
mod entry;
mod error;
pub mod group;
mod keeping;
mod offsets;
mod operations;
mod shard;
mod timers;

pub use coordinators::Coordinators;
pub use error::Gone;
pub use keeping::TopicSource;
pub use offsets::{Found, Outcomes, TopicNames};
pub use operations::{Described, Listed};
pub use shard::Coordinator;

/// What is set for all groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    pub classic: group::classic::Limits,
    pub offsets: group::offsets::Limits,
}
