//! The history of a partition's leader epochs, for clients that check where their logs diverge.

use crate::log::stored::keys::LeaderEpochStart;
use crate::types::LeaderEpoch;

/// The leader epochs that a partition has batches of, each with its first offset. The owner's own epoch counts as the
/// last entry, starting at the high watermark, even before its first batch.
///
/// The answers are those of Kafka's `LeaderEpochFileCache` (KIP-101, KIP-279).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochHistory {
    /// Epochs and start offsets both ascend.
    entries: Vec<LeaderEpochStart>,
}

/// The end of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The greatest known epoch that is not above the one asked for.
    pub epoch: LeaderEpoch,
    /// First offset that belongs to a later epoch.
    pub end_offset: i64,
}

impl EpochHistory {
    /// From stored entries, in any order.
    pub fn from_entries(mut entries: Vec<LeaderEpochStart>) -> EpochHistory {
        entries.sort_by_key(|entry| entry.epoch);
        EpochHistory { entries }
    }

    /// The epoch of the last batch.
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[LeaderEpochStart] {
        &self.entries
    }

    /// Notes that batches from `start_offset` on are of `epoch`. True if that is news, to be stored with the batch.
    pub fn assign(&mut self, epoch: LeaderEpoch, start_offset: i64) -> bool {
        if self.latest().is_some_and(|latest| latest >= epoch) {
            return false;
        }
        self.entries.push(LeaderEpochStart { epoch, start_offset });
        true
    }

    /// The epoch of the record at `offset`, if any epoch began at or before it.
    pub fn epoch_at(&self, offset: i64) -> Option<LeaderEpoch> {
        let after = self.entries.partition_point(|entry| entry.start_offset <= offset);
        after.checked_sub(1).map(|index| self.entries[index].epoch)
    }

    /// The end of `requested`, where `current` is the owner's epoch and `high_watermark` the end of the log.
    /// `None` if nothing is known of it: the epoch is above the owner's.
    ///
    /// An epoch between two known ones ends where the next known one starts, and the answer names the known one below
    /// it; an epoch before all known ones is answered with itself and the first known start, as Kafka does.
    pub fn end_offset_for(
        &self,
        requested: LeaderEpoch,
        current: LeaderEpoch,
        high_watermark: i64,
    ) -> Option<EpochEnd> {
        if requested > current {
            return None;
        }
        if requested == current {
            return Some(EpochEnd { epoch: current, end_offset: high_watermark });
        }
        let after = self.entries.partition_point(|entry| entry.epoch <= requested);
        let end_offset = self.entries.get(after).map_or(high_watermark, |next| next.start_offset);
        let epoch = after.checked_sub(1).map_or(requested, |index| self.entries[index].epoch);
        Some(EpochEnd { epoch, end_offset: end_offset.min(high_watermark) })
    }

    /// The entries that may go once records below `log_start` are gone: all but the newest one at or below it, which
    /// still says the epoch of the first record.
    pub fn obsolete(&self, log_start: i64) -> &[LeaderEpochStart] {
        let at_or_below = self.entries.partition_point(|entry| entry.start_offset <= log_start);
        &self.entries[..at_or_below.saturating_sub(1)]
    }

    /// Forgets what [`EpochHistory::obsolete`] gives.
    pub fn truncate_start(&mut self, log_start: i64) {
        let obsolete = self.obsolete(log_start).len();
        self.entries.drain(..obsolete);
    }
}
