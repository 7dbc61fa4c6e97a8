//! What the owner of a shard coordinates for the groups and transactional ids whose slots lie on it.
//! It must never know sockets, the metadata image or how rows reach the store: state machines decide, others carry out.
//! Entry point: [`group`], the machines of groups.
//! Invariant: a decision changes nothing; what it leads to is applied at once, and told once it is durable.

mod coordinators;
mod entry;
mod error;
pub mod group;
mod offsets;
mod shard;
mod timers;

pub use coordinators::Coordinators;
pub use error::{CommitRefusal, DeleteRefusal, Gone};
pub use offsets::Description;
pub use shard::Coordinator;
