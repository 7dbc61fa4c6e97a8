//! One partition in one incarnation of its shard, as its readers see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::counts::Counts;
use super::epochs::{EpochEnd, EpochHistory};
use super::keys::{Extent, LogStart, PartitionSnapshot};
use super::producers::Producers;
use super::reader::Source;
use super::retention::View;
use crate::settings::Retention;
use crate::types::{LeaderEpoch, Partition};

/// What the owner of a shard is told about a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionSettings {
    /// The leader epoch of this owner.
    pub leader_epoch: LeaderEpoch,
    /// What is kept of it.
    pub retention: Retention,
}

impl PartitionSettings {
    /// A partition that keeps everything.
    pub fn led(leader_epoch: LeaderEpoch) -> PartitionSettings {
        PartitionSettings { leader_epoch, retention: Retention::UNLIMITED }
    }
}

/// The state of a partition that its readers need. Next offset and producers belong to the commit task alone.
///
/// Valid for one incarnation of the shard: [`PartitionLog::has_ended`] says when it is over, and nothing read through
/// it after that may be trusted.
#[derive(Debug)]
pub struct PartitionLog {
    id: Partition,
    log_start: AtomicI64,
    high_watermark: AtomicI64,
    leader_epoch: AtomicI32,
    log_bytes: AtomicU64,
    epochs: RwLock<EpochHistory>,
    source: Source,
    ended: AtomicBool,
    counts: Arc<Counts>,
}

/// What a partition is as of its loading: everything in it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    pub start: LogStart,
    pub next_offset: i64,
    /// Of all extents that ever were; less what is removed, it is what there is.
    pub appended_bytes: u64,
    /// Where the snapshot ends that it was loaded from.
    pub snapshot_offset: i64,
    pub epochs: EpochHistory,
    pub producers: Producers,
}

impl Loaded {
    /// As of a snapshot: the extents behind it are still to be added. Producers that were silent since `expired_before_ms`
    /// are left out.
    pub fn as_of(
        snapshot: PartitionSnapshot,
        start: LogStart,
        epochs: EpochHistory,
        expired_before_ms: i64,
    ) -> Loaded {
        Loaded {
            start,
            next_offset: snapshot.next_offset.max(start.offset),
            appended_bytes: snapshot.log_bytes,
            snapshot_offset: snapshot.next_offset,
            epochs,
            producers: Producers::from_entries(snapshot.producers, expired_before_ms),
        }
    }

    /// Adds an extent that ends behind the snapshot.
    pub fn add(&mut self, extent: Extent, expired_before_ms: i64) {
        self.next_offset = self.next_offset.max(extent.last_offset + 1);
        if extent.base_offset >= self.snapshot_offset {
            self.appended_bytes += u64::from(extent.length);
        }
        for run in extent.producers {
            if run.base_offset >= self.snapshot_offset && extent.appended_ms >= expired_before_ms {
                self.producers.accept(run, extent.appended_ms);
            }
        }
    }

    /// Bytes of all extents that are not removed.
    pub fn log_bytes(&self) -> u64 {
        self.appended_bytes.saturating_sub(self.start.removed_bytes)
    }
}

/// The state of a partition that its commits change: ahead of what is durable. Owned by the commit task.
#[derive(Debug)]
pub(super) struct Writer {
    pub log: Arc<PartitionLog>,
    pub next_offset: i64,
    pub start: LogStart,
    /// Of all extents that ever were.
    pub appended_bytes: u64,
    /// Where the last snapshot ends.
    pub snapshot_offset: i64,
    pub epochs: EpochHistory,
    pub producers: Producers,
    /// Whether anything came since the last snapshot.
    pub dirty: bool,
}

impl Writer {
    pub fn new(log: Arc<PartitionLog>, loaded: Loaded) -> Writer {
        Writer {
            log,
            next_offset: loaded.next_offset,
            start: loaded.start,
            appended_bytes: loaded.appended_bytes,
            snapshot_offset: loaded.snapshot_offset,
            epochs: loaded.epochs,
            producers: loaded.producers,
            dirty: false,
        }
    }

    /// What a later loading starts with; forgets producers that were silent since `expired_before_ms`.
    pub fn snapshot(&mut self, expired_before_ms: i64) -> PartitionSnapshot {
        self.dirty = false;
        self.snapshot_offset = self.next_offset;
        PartitionSnapshot {
            next_offset: self.next_offset,
            log_bytes: self.appended_bytes,
            producers: self.producers.snapshot(expired_before_ms),
        }
    }
}

impl PartitionLog {
    pub(super) fn new(
        id: Partition,
        settings: PartitionSettings,
        loaded: &Loaded,
        source: Source,
        counts: Arc<Counts>,
    ) -> PartitionLog {
        counts.set_end(loaded.next_offset);
        PartitionLog {
            id,
            log_start: AtomicI64::new(loaded.start.offset),
            high_watermark: AtomicI64::new(loaded.next_offset),
            leader_epoch: AtomicI32::new(settings.leader_epoch.0),
            log_bytes: AtomicU64::new(loaded.log_bytes()),
            epochs: RwLock::new(loaded.epochs.clone()),
            source,
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

    /// What retention goes by.
    pub(super) fn view(&self) -> View {
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

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The stored batches of the shard, in this incarnation.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// True once the incarnation that this belongs to is over.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(super) fn set_leader_epoch(&self, epoch: LeaderEpoch) {
        self.leader_epoch.fetch_max(epoch.0, Ordering::AcqRel);
    }

    /// Makes everything below `offset` visible: `records` more, in `added` bytes.
    pub(super) fn advance(&self, offset: i64, records: u64, added: u64) {
        self.log_bytes.fetch_add(added, Ordering::Relaxed);
        self.high_watermark.fetch_max(offset, Ordering::AcqRel);
        self.counts.set_end(offset);
        self.counts.appended(added, records);
    }

    /// Shows that batches from `start_offset` on are of `epoch`.
    pub(super) fn show_epoch(&self, epoch: LeaderEpoch, start_offset: i64) {
        self.epochs.write().assign(epoch, start_offset);
    }

    /// Notes that extents of so many bytes are removed.
    pub(super) fn shrink(&self, removed: u64) {
        self.log_bytes.fetch_sub(removed, Ordering::Relaxed);
    }

    /// Hides what is below `offset`.
    pub(super) fn raise_log_start(&self, offset: i64) {
        self.log_start.fetch_max(offset, Ordering::AcqRel);
        self.epochs.write().truncate_start(offset);
    }
}
