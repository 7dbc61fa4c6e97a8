//! Expiry of records: Kafka's `retention.ms` and `retention.bytes`, extent by extent.

use crate::log::stored::keys::Extent;
use crate::settings::Retention;

/// Decides about the extents of one partition, from the log start on.
///
/// As Kafka's `UnifiedLog.deleteOldSegments`: by time, if the greatest timestamp is longer ago than `retention.ms`; by
/// size, if at least `retention.bytes` are left without it. Without timestamps the time of arrival counts.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    retention: Retention,
    now_ms: i64,
    /// Bytes of the extents that were not taken yet.
    left_bytes: u64,
}

impl Policy {
    /// `log_bytes` are those of all extents.
    pub fn new(retention: Retention, now_ms: i64, log_bytes: u64) -> Policy {
        Policy { retention, now_ms, left_bytes: log_bytes }
    }

    /// True if the oldest extent that is left expires. If so, the next one may be asked about.
    pub fn takes(&mut self, extent: &Extent) -> bool {
        let without = self.left_bytes.checked_sub(u64::from(extent.length));
        let too_much = self.retention.bytes.is_some_and(|keep| without.is_some_and(|rest| rest >= keep));
        if !too_much && self.now_ms < expires_ms(self.retention, extent) {
            return false;
        }
        self.left_bytes = without.unwrap_or(0);
        true
    }
}

/// The first millisecond at which `extent` is too old; the end of time if it never is.
pub fn expires_ms(retention: Retention, extent: &Extent) -> i64 {
    let newest = if extent.max_timestamp < 0 { extent.appended_ms } else { extent.max_timestamp };
    match retention.ms.map(i64::try_from) {
        Some(Ok(ms)) => newest.saturating_add(ms).saturating_add(1),
        Some(Err(_)) | None => i64::MAX,
    }
}
