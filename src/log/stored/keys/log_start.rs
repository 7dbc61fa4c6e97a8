//! The log start: where a partition's readable records begin.

use super::row::*;

row! {
    /// The first offset that can be read, and how far what lies below it is removed. Absent while it is 0; neither goes
    /// back. Rows of version 1 are of a time when nothing was removed.
    #[derive(Copy, Default)]
    pub struct LogStart = Tag::LogStart, "log start", versions 1..=2;
    of { partition: Partition }
    key {}
    value {
        offset: i64 as Offset,
        /// No extent row ends below this offset any more.
        removed_to [2..]: i64 as Offset,
        /// Bytes of all extents whose rows were ever removed: written together with the removals, so that what is left
        /// can be told exactly at any time.
        removed_bytes [2..]: u64,
    }
    where removed_to <= offset;
}
