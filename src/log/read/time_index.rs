//! The greatest timestamps of a partition, so that a search by time begins close to its end.

use crate::log::stored::keys::Extent;

/// Extents between two marks of a [`TimeIndex`].
const EXTENTS_PER_MARK: usize = 1_024;

/// The offset to begin looking for a timestamp at, so that not every extent row of a partition is read each time. Grows with
/// the partition; a few bytes per thousand extents.
///
/// Removed records may leave it with timestamps that are no longer there: then a search begins too early, never too
/// late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::log) struct TimeIndex {
    /// After so many extents: the offset behind them, and the greatest timestamp up to there.
    marks: Vec<(i64, i64)>,
    /// Extents behind the last mark.
    unmarked: usize,
    /// The offset up to which extents are taken in.
    pub next_offset: i64,
    /// The greatest timestamp, and the last offset of the first extent that has it.
    greatest: Option<(i64, i64)>,
}

impl TimeIndex {
    pub fn starting_at(log_start: i64) -> TimeIndex {
        TimeIndex { next_offset: log_start, ..TimeIndex::default() }
    }

    pub fn add(&mut self, extent: &Extent) {
        self.next_offset = extent.last_offset + 1;
        let (greatest, _) = *self.greatest.get_or_insert((extent.max_timestamp, extent.last_offset));
        if extent.max_timestamp > greatest {
            self.greatest = Some((extent.max_timestamp, extent.last_offset));
        }
        self.unmarked += 1;
        if self.unmarked == EXTENTS_PER_MARK {
            self.marks.push((self.next_offset, greatest.max(extent.max_timestamp)));
            self.unmarked = 0;
        }
    }

    /// The greatest timestamp is gone, or nothing is known.
    pub fn is_of_no_use(&self, log_start: i64) -> bool {
        self.greatest.is_none_or(|(_, at)| at < log_start)
    }

    /// Nothing before this offset has a timestamp of `timestamp` or later.
    pub fn first_candidate(&self, timestamp: i64) -> i64 {
        let before = self.marks.partition_point(|&(_, greatest)| greatest < timestamp);
        before.checked_sub(1).map_or(0, |mark| self.marks[mark].0)
    }

    pub fn greatest(&self) -> Option<i64> {
        self.greatest.map(|(timestamp, _)| timestamp)
    }
}
