//! Coordination by the owner of a shard, of the groups and transactional ids whose slots lie on it.
//! It must never know sockets, the metadata image or how rows reach the store: state machines decide, others carry out.
//! Entry points: [`runtime`], which runs machines; [`group`], the machines of groups.
//! Invariant: a decision changes nothing; what it leads to is applied at once, and told once it is durable.

mod coordinators;
pub mod group;
mod keeping;
mod runtime;

pub use coordinators::{Coordinator, Coordinators};
pub use keeping::TopicSource;
pub use runtime::Gone;
