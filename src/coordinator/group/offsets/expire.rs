//! Expiry: offsets that no member uses go after a while, and with the last of them an empty group (KIP-211).

use std::sync::Arc;

use super::{Change, Limits, Offsets};
use crate::coordinator::group::{Expiry, Members};
use crate::log::keys::CommittedOffset;
use crate::types::TopicId;

/// What has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    pub changes: Vec<Change>,
    /// Whether the group goes too: it has no members and keeps no offsets any more.
    pub is_group: bool,
}

/// The topics as the metadata has them.
#[derive(Clone, Copy)]
pub struct Topics<'a> {
    /// The name of a topic.
    pub name: &'a dyn Fn(TopicId) -> Option<Arc<str>>,
    /// A topic without a name was deleted, and the metadata has not just lost it.
    pub are_all: bool,
}

/// Decides on all offsets of a group. Those of a topic that is deleted are of no use to anybody
/// (`OffsetMetadataManager.cleanupExpiredOffsets`, `onPartitionsDeleted`).
pub fn expire(
    members: Members<'_>,
    offsets: &Offsets,
    topics: Topics<'_>,
    limits: &Limits,
    now_ms: i64,
) -> Expired {
    let expiry = members.expiry();
    let has_expired = |topic: TopicId, committed: &CommittedOffset| match (topics.name)(topic) {
        None => topics.are_all,
        Some(name) => !members.is_subscribed(&name) && is_over(expiry, committed, limits, now_ms),
    };
    let changes: Vec<Change> = offsets
        .iter()
        .filter(|(partition, committed)| has_expired(partition.topic, committed))
        .map(|(partition, _)| (partition, None))
        .collect();
    let is_group = changes.len() == offsets.iter().count() && members.check_delete().is_ok();
    Expired { changes, is_group }
}

fn is_over(expiry: Expiry, committed: &CommittedOffset, limits: &Limits, now_ms: i64) -> bool {
    let since_ms = match (expiry, committed.expires_ms) {
        (Expiry::Never, _) => return false,
        (_, Some(expires_ms)) => return now_ms >= expires_ms,
        (Expiry::SinceCommitted, None) => committed.committed_ms,
        (Expiry::Since(since_ms), None) => since_ms,
    };
    now_ms.saturating_sub(since_ms) >= limits.retention_ms
}
