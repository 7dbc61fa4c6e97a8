//! Expiry: offsets that no member uses go after a while, and with the last of them an empty group (KIP-211).

use std::sync::Arc;

use super::{HasMembers, Limits, Offsets, Row, record};
use crate::coordinator::group::members::{Expiry, Members, Nobody};
use crate::coordinator::group::world::World;
use crate::coordinator::runtime::{Asker, Decided, Question};
use crate::log::keys::CommittedOffset;
use crate::types::TopicId;

/// Asks a group to let go of what nobody uses any more; of itself too, if `with_groups`.
pub struct Expire<'a> {
    pub topics: Topics<'a>,
    pub with_groups: bool,
}

/// The rows of offsets that have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    pub rows: Vec<Row>,
    /// True if the group goes too: it has no members and keeps no offsets any more.
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
    members: &dyn Members,
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
    let rows: Vec<Row> = offsets
        .iter()
        .filter(|(partition, committed)| has_expired(partition.topic, committed))
        .map(|(partition, _)| Row(partition, None))
        .collect();
    let is_group = rows.len() == offsets.iter().count() && members.check_delete().is_ok();
    Expired { rows, is_group }
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

impl<W: HasMembers> Question<W> for Expire<'_> {
    type Reply = ();

    fn decide(self, whole: &W, _: Asker<()>, world: &World) -> Decided<W, Self> {
        let offsets = whole.part().cloned().unwrap_or_default();
        let members = whole.members().unwrap_or(&Nobody);
        let Expired { rows, is_group } =
            expire(members, &offsets, self.topics, &world.settings.offsets, world.now_ms);
        log_expired(&world.id, &rows, self.topics);
        match is_group && self.with_groups {
            true => whole.forget().map(Some),
            false => record(whole, rows, Some(())),
        }
    }
}

/// Logs what has expired: it is news to whoever counted on it. An offset of a deleted topic went with the topic.
fn log_expired(group: &str, rows: &[Row], topics: Topics<'_>) {
    let expired = rows.iter().filter(|Row(partition, _)| (topics.name)(partition.topic).is_some()).count();
    if expired > 0 {
        tracing::info!(group, offsets = expired, "committed offsets have expired");
    }
    if rows.len() > expired {
        let deleted = rows.len() - expired;
        tracing::debug!(group, offsets = deleted, "committed offsets of deleted topics are gone");
    }
}
