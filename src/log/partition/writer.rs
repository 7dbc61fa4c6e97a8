//! The state of a partition that its commits change, and what it is loaded from.

use std::sync::Arc;

use super::producers::Producers;
use super::{EpochHistory, PartitionState};
use crate::log::stored::keys::{Extent, LogStart, PartitionSnapshot};

/// A partition as of its loading: everything in it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub start: LogStart,
    pub next_offset: i64,
    /// Of all extents that ever were; less what is removed, it is what there is.
    pub appended_bytes: u64,
    /// The end of the snapshot that it was loaded from.
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
pub struct Writer {
    pub state: Arc<PartitionState>,
    pub next_offset: i64,
    pub start: LogStart,
    /// Of all extents that ever were.
    pub appended_bytes: u64,
    /// The end of the last snapshot.
    pub snapshot_offset: i64,
    pub epochs: EpochHistory,
    pub producers: Producers,
    /// True if anything came since the last snapshot.
    pub dirty: bool,
}

impl Writer {
    pub fn new(state: Arc<PartitionState>, loaded: Loaded) -> Writer {
        Writer {
            state,
            next_offset: loaded.next_offset,
            start: loaded.start,
            appended_bytes: loaded.appended_bytes,
            snapshot_offset: loaded.snapshot_offset,
            epochs: loaded.epochs,
            producers: loaded.producers,
            dirty: false,
        }
    }

    /// The start of a later loading; forgets producers that were silent since `expired_before_ms`.
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
