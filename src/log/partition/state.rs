//! One partition in one opening of its shard, as its readers see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::{Counts, EpochEnd, EpochHistory, Loaded, PartitionSettings};
use crate::types::{LeaderEpoch, Partition};

/// The state of a partition that its readers need. Next offset and producers belong to the commit task alone.
///
/// Valid for one incarnation of the shard: [`PartitionState::has_ended`] says when it is over, and nothing read through
/// it after that may be trusted.
#[derive(Debug)]
pub struct PartitionState {
    id: Partition,
    log_start: AtomicI64,
    high_watermark: AtomicI64,
    leader_epoch: AtomicI32,
    log_bytes: AtomicU64,
    epochs: RwLock<EpochHistory>,
    ended: AtomicBool,
    counts: Arc<Counts>,
}

/// A loaded partition at one moment; all of it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    pub log_start: i64,
    pub high_watermark: i64,
    /// Of all extents that are not removed.
    pub log_bytes: u64,
}

impl PartitionState {
    pub(in crate::log) fn new(
        id: Partition,
        settings: PartitionSettings,
        loaded: &Loaded,
        counts: Arc<Counts>,
    ) -> PartitionState {
        counts.set_end(loaded.next_offset);
        PartitionState {
            id,
            log_start: AtomicI64::new(loaded.start.offset),
            high_watermark: AtomicI64::new(loaded.next_offset),
            leader_epoch: AtomicI32::new(settings.leader_epoch.0),
            log_bytes: AtomicU64::new(loaded.log_bytes()),
            epochs: RwLock::new(loaded.epochs.clone()),
            ended: AtomicBool::new(false),
            counts,
        }
    }

    pub fn id(&self) -> Partition {
        self.id
    }

    /// First offset that can be read. Never goes back.
    pub fn log_start(&self) -> i64 {
        self.log_start.load(Ordering::Acquire)
    }

    /// First offset that is not durable: readers see what is below it.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::Acquire)
    }

    /// First offset that a `read_committed` reader does not see.
    pub fn last_stable_offset(&self) -> i64 {
        self.high_watermark()
    }

    /// The leader epoch of this owner.
    pub fn leader_epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.leader_epoch.load(Ordering::Acquire))
    }

    /// Bytes of all durable batches that were not removed.
    pub fn log_bytes(&self) -> u64 {
        self.log_bytes.load(Ordering::Relaxed)
    }

    /// The state that retention goes by.
    pub(in crate::log) fn view(&self) -> View {
        // The log start first: a high watermark that is read after it is never below it.
        let log_start = self.log_start();
        View { log_start, high_watermark: self.high_watermark(), log_bytes: self.log_bytes() }
    }

    /// The epoch of the record at `offset`.
    pub fn epoch_at(&self, offset: i64) -> Option<LeaderEpoch> {
        self.epochs.read().epoch_at(offset)
    }

    /// The end of a leader epoch; see [`EpochHistory::end_offset_for`].
    pub fn end_offset_for(&self, requested: LeaderEpoch) -> Option<EpochEnd> {
        let high_watermark = self.high_watermark();
        self.epochs.read().end_offset_for(requested, self.leader_epoch(), high_watermark)
    }

    pub(in crate::log) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// True once the incarnation that this belongs to is over.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(in crate::log) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(in crate::log) fn set_leader_epoch(&self, epoch: LeaderEpoch) {
        self.leader_epoch.fetch_max(epoch.0, Ordering::AcqRel);
    }

    /// Makes everything below `offset` visible: `records` more, in `added` bytes.
    pub(in crate::log) fn advance(&self, offset: i64, records: u64, added: u64) {
        self.log_bytes.fetch_add(added, Ordering::Relaxed);
        self.high_watermark.fetch_max(offset, Ordering::AcqRel);
        self.counts.set_end(offset);
        self.counts.appended(added, records);
    }

    /// Shows that batches from `start_offset` on are of `epoch`.
    pub(in crate::log) fn show_epoch(&self, epoch: LeaderEpoch, start_offset: i64) {
        self.epochs.write().assign(epoch, start_offset);
    }

    /// Notes that extents of so many bytes are removed.
    pub(in crate::log) fn shrink(&self, removed: u64) {
        self.log_bytes.fetch_sub(removed, Ordering::Relaxed);
    }

    /// Hides what is below `offset`.
    pub(in crate::log) fn raise_log_start(&self, offset: i64) {
        self.log_start.fetch_max(offset, Ordering::AcqRel);
        self.epochs.write().truncate_start(offset);
    }
}
