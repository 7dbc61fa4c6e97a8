//! Classic consumer groups: members meet at a barrier, one of them assigns, everybody fetches its share.
//! It must never know time, sockets, storage or other groups: the clock is an argument, timers and answers are data.
//! Entry points: [`join`], [`Group::sync`], [`Group::heartbeat`], [`Group::leave`], [`Group::expire`], [`Group::loaded`].
//! Invariant: a decision changes nothing; every ticket that a group takes is answered exactly once.

mod conversion;
mod decision;
mod group;
mod heartbeat;
mod join;
mod leave;
mod member;
mod rebalance;
mod reply;
mod stored;
mod sync;
#[cfg(test)]
pub(super) mod tests;

pub use decision::{Decision, Ticket, Timer, TimerChange};
pub use group::{Group, Phase};
pub use heartbeat::{Heartbeat, heartbeat};
pub use join::{Join, Knows, join};
pub use leave::{Leave, Leaver, leave};
pub use member::{Member, Protocol};
pub use reply::{JoinReply, JoinedMember, Refusal, Reply, SyncReply};
pub use stored::{Malformed, Stored};
pub use sync::{Sync, sync};

/// What is set for all classic groups.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a new group waits for more members (`group.initial.rebalance.delay.ms`).
    pub initial_delay_ms: i32,
    /// How long a member may wait for its first generation before its client is taken for gone (Kafka fixes this at
    /// five minutes).
    pub new_member_join_timeout_ms: i32,
    /// Most members of a group (`group.max.size`).
    pub max_size: usize,
    /// Most bytes that a stored group may have: what Kafka takes into one record of its offsets topic.
    pub max_stored_bytes: usize,
    /// Bounds of a session timeout (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
    pub session_timeout_ms: (i32, i32),
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            initial_delay_ms: 3000,
            new_member_join_timeout_ms: 5 * 60 * 1000,
            max_size: 0x7fff_ffff,
            max_stored_bytes: 1_048_588,
            session_timeout_ms: (6000, 1_800_000),
        }
    }
}
