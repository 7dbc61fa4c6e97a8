//! Counts of a partition, for those who watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::settings::Retention;
use crate::types::LeaderEpoch;

/// Counts of one partition. They outlive its loading and the shard's incarnations, so that watching loads nothing.
#[derive(Debug)]
pub struct Counts {
    /// The high watermark, or [`UNKNOWN`].
    end: AtomicI64,
    appended_bytes: AtomicU64,
    appended_records: AtomicU64,
    fetched_bytes: AtomicU64,
}

const UNKNOWN: i64 = -1;

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            end: AtomicI64::new(UNKNOWN),
            appended_bytes: AtomicU64::new(0),
            appended_records: AtomicU64::new(0),
            fetched_bytes: AtomicU64::new(0),
        }
    }
}

impl Counts {
    /// As of a partition that ends there and was not used yet.
    #[cfg(test)]
    pub fn ending_at(end: i64) -> Counts {
        let counts = Counts::default();
        counts.set_end(end);
        counts
    }

    /// The high watermark, if anybody has looked since the shard came here.
    pub fn end(&self) -> Option<i64> {
        Some(self.end.load(Ordering::Relaxed)).filter(|end| *end != UNKNOWN)
    }

    /// Bytes of batches that became durable since the shard came here.
    pub fn appended_bytes(&self) -> u64 {
        self.appended_bytes.load(Ordering::Relaxed)
    }

    /// Records that became durable since then.
    pub fn appended_records(&self) -> u64 {
        self.appended_records.load(Ordering::Relaxed)
    }

    /// Bytes of batches that were read since then.
    pub fn fetched_bytes(&self) -> u64 {
        self.fetched_bytes.load(Ordering::Relaxed)
    }

    pub(in crate::log) fn set_end(&self, end: i64) {
        self.end.fetch_max(end, Ordering::Relaxed);
    }

    pub(in crate::log) fn appended(&self, bytes: u64, records: u64) {
        self.appended_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.appended_records.fetch_add(records, Ordering::Relaxed);
    }

    pub(in crate::log) fn fetched(&self, bytes: u64) {
        self.fetched_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Settings of a partition that the owner of its shard is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionSettings {
    /// The leader epoch of this owner.
    pub leader_epoch: LeaderEpoch,
    /// The retention of its records.
    pub retention: Retention,
}

impl PartitionSettings {
    /// A partition that keeps everything.
    pub fn led(leader_epoch: LeaderEpoch) -> PartitionSettings {
        PartitionSettings { leader_epoch, retention: Retention::UNLIMITED }
    }
}

/// A partition's settings, and its counts.
#[derive(Clone, Debug)]
pub struct Known {
    pub settings: PartitionSettings,
    pub counts: Arc<Counts>,
}
