//! Consumer groups of KIP-848: the coordinator assigns, and each member comes to its target by its own heartbeats.
//! It must never know time, sockets, storage or other groups: the clock is an argument, rows and timers are data.
//! Entry points: [`heartbeat`]; for members of the classic protocol [`embedded`]; [`Group`] is the machine.
//! Invariant: a partition goes to a member only once no other member can still be working on it.

mod convert;
mod draft;
pub mod embedded;
mod group;
mod heartbeat;
mod leave;
mod machine;
mod member;
mod members;
pub mod pattern;
mod questions;
pub mod reconcile;
mod refusal;
mod stored;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::timer::Timer;
use crate::types::TopicId;

pub use super::assignor::Assignment;
pub use super::settings::Consumer as Settings;
pub use convert::Before;
pub use draft::World;
pub use group::{Group, State};
pub use heartbeat::{Heartbeat, HeartbeatReply, LEAVING, LEAVING_FOR_NOW, Says, heartbeat};
pub use member::{Classic, Member, Names};
pub use refusal::Refusal;
pub use stored::{Head, Row};

/// Partitions that a member holds, each with the epoch in which it got it (KIP-1251): a commit of an earlier epoch
/// cannot be about this holding of the partition.
pub type Held = BTreeMap<TopicId, BTreeMap<i32, i32>>;
