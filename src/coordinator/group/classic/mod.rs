//! Classic consumer groups: members meet at a barrier, one of them assigns, everybody fetches its share.
//! It must never know time, sockets, storage or other groups: the clock is an argument, timers and answers are data.
//! Entry points: [`join`], [`sync`], [`heartbeat`], [`leave`]; [`Group`] is the machine.
//! Invariant: a decision changes nothing; everybody who asks a group is answered exactly once.

mod conversion;
mod draft;
mod group;
mod heartbeat;
mod join;
mod leave;
mod machine;
mod member;
mod members;
mod rebalance;
mod reply;
mod stored;
mod sync;
#[cfg(test)]
pub(super) mod tests;

use super::timer::Timer;

pub use super::settings::Classic as Limits;
pub use draft::World;
pub use group::{Group, Phase};
pub use heartbeat::{Heartbeat, heartbeat};
pub use join::{Join, Knows, join};
pub use leave::{Leave, Leaver, leave};
pub use member::{Member, Protocol};
pub use reply::{JoinReply, JoinedMember, Refusal, Reply, SyncReply};
pub use stored::{Row, Stored};
pub use sync::{Sync, sync};
