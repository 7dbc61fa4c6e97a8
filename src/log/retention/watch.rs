//! Which partitions are worth a look: what was seen of each says when something can have changed.

use crate::log::partition::View;
use crate::settings::Retention;

/// The finding of the last look at a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// By what it was judged.
    pub retention: Retention,
    /// When its oldest extent is too old; the end of time if it has none, or keeps them for ever.
    pub expires_ms: i64,
    /// If it has no extent: where its log ends.
    pub empty_at: Option<i64>,
    /// No row below this offset is left.
    pub removed_to: i64,
}

/// True if a partition is to be looked at. One that is not loaded has not changed since it was seen.
pub fn is_due(seen: Option<&Seen>, retention: Retention, view: Option<View>, now_ms: i64) -> bool {
    let Some(seen) = seen else { return true };
    let changed = |view: View| {
        view.log_start > seen.removed_to
            || retention.bytes.is_some_and(|keep| view.log_bytes > keep)
            || seen.empty_at.is_some_and(|end| view.high_watermark > end)
    };
    seen.retention != retention || now_ms >= seen.expires_ms || view.is_some_and(changed)
}
