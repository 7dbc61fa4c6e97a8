//! Consumer groups of KIP-848: the coordinator assigns, and each member comes to its target by its own heartbeats.
//! It must never know time, sockets, storage or other groups: the clock is an argument, rows and timers are data.
//! Entry points: [`heartbeat`], [`Group::expire`], [`Group::loaded`]; for members of the classic protocol [`embedded`].
//! Invariant: a partition goes to a member only once no other member can still be working on it.

pub mod assignor;
mod commit;
mod convert;
mod decision;
pub mod embedded;
mod group;
mod heartbeat;
mod leave;
mod member;
pub mod pattern;
pub mod reconcile;
mod refusal;
mod stored;
mod target;
#[cfg(test)]
mod tests;
mod topics;

use std::collections::{BTreeMap, BTreeSet};

use crate::settings::MigrationPolicy;
use crate::types::TopicId;

use assignor::Assignor;
pub use commit::{CommitCheck, CommitRefusal};
pub use convert::Before;
pub use decision::{Decision, Next, Timer, TimerChange, World};
pub use group::{Group, State};
pub use heartbeat::{Heartbeat, HeartbeatReply, LEAVING, LEAVING_FOR_NOW, Says, heartbeat};
pub use member::{Classic, Member, Names};
pub use refusal::Refusal;
pub use stored::{Head, Row};
pub use topics::{Topic, Topics};

/// Partitions by topic. A topic without partitions is not in it.
pub type Assignment = BTreeMap<TopicId, BTreeSet<i32>>;

/// Partitions that a member holds, each with the epoch in which it got it (KIP-1251): a commit of an earlier epoch
/// cannot be about this holding of the partition.
pub type Held = BTreeMap<TopicId, BTreeMap<i32, i32>>;

/// What is set for one consumer group: its own configs, over those of all groups.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Silence after which a member is removed (`consumer.session.timeout.ms`).
    pub session_timeout_ms: i32,
    /// How often members are told to send heartbeats (`consumer.heartbeat.interval.ms`).
    pub heartbeat_interval_ms: i32,
    /// Least time between two targets (`consumer.assignment.interval.ms`, KIP-1263).
    pub assignment_interval_ms: i32,
    /// Most members of a group (`group.consumer.max.size`).
    pub max_size: usize,
    pub migration: MigrationPolicy,
    /// The first of `group.consumer.assignors`.
    pub default_assignor: Assignor,
}

impl Settings {
    /// A client of the classic protocol says itself how long it may be silent.
    fn session_timeout_ms(&self, member: &Member) -> i32 {
        member.classic.as_ref().map_or(self.session_timeout_ms, |classic| classic.session_timeout_ms)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            session_timeout_ms: 45_000,
            heartbeat_interval_ms: 5000,
            assignment_interval_ms: 1000,
            max_size: 0x7fff_ffff,
            migration: MigrationPolicy::Bidirectional,
            default_assignor: Assignor::Uniform,
        }
    }
}
