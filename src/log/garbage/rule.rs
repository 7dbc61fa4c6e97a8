//! Which objects of a log may be deleted: the rules that keep acknowledged records through any number of owners.

use crate::log::stored::segment::Kind;

/// The id that an owner deletes nothing at or above.
///
/// `said_replay_after` is what the newest durable segment says of the stored replay point: so an older index that comes
/// back can be told from the newest, before anything is missing that it needs. `stored_replay_after` is what the stored manifest says: a replay reads everything behind it, and the object at it for
/// its epoch. The database's own view may be ahead of what is stored, so it does not do. `durable_id` is the last
/// segment up to which this owner's own are durable, or its fence: an owner that was overtaken knows nothing of what
/// its successor wrote.
pub fn limit(stored_replay_after: u64, durable_id: u64, said_replay_after: u64) -> u64 {
    stored_replay_after.min(durable_id).min(said_replay_after)
}

/// True if an object may be deleted. An owner's first fence stays for ever: an older owner's late PUT must meet it.
/// Window fences, and segments that came too late to be part of the log, are needed by nobody below the limit.
pub fn may_go(id: u64, limit: u64, kind: Kind, is_named: bool) -> bool {
    let is_kept = match kind {
        Kind::Fence => true,
        Kind::WindowFence | Kind::Data => is_named,
    };
    id < limit && !is_kept
}
