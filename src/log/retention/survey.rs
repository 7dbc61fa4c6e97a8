//! The index's extents of all partitions, in one reading of it: after an opening none of them was looked at, and reading
//! each by itself would take several requests for every one.

use std::collections::HashMap;

use slatedb::Db;

use super::policy::expires_ms;
use super::watch::Seen;
use crate::log::stored::all_rows::AllRows;
use crate::log::stored::error::PartitionError;
use crate::log::stored::keys::{Extent, LogStart, Tag};
use crate::settings::Retention;
use crate::types::Partition;

/// The finding on one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surveyed {
    pub start: LogStart,
    /// The first extent that is not below the log start.
    pub oldest: Option<Extent>,
    /// Of all such extents.
    pub bytes: u64,
}

impl Surveyed {
    /// As a look at it would have left it; `None` if that could have removed anything.
    pub fn seen(&self, retention: Retention) -> Option<Seen> {
        let too_much = retention.bytes.is_some_and(|keep| self.bytes > keep);
        if too_much || self.start.removed_to < self.start.offset {
            return None;
        }
        Some(Seen {
            retention,
            expires_ms: self.oldest.as_ref().map_or(i64::MAX, |extent| expires_ms(retention, extent)),
            empty_at: self.oldest.is_none().then_some(self.start.offset),
            removed_to: self.start.offset,
        })
    }
}

/// Reads the log start and every extent of every partition that has any.
pub async fn read(db: &Db) -> Result<HashMap<Partition, Surveyed>, PartitionError> {
    let mut found: HashMap<Partition, Surveyed> = HashMap::new();
    // Before the extents: a log start that rises meanwhile is then seen to have risen.
    let mut starts = AllRows::new(db, Tag::LogStart);
    while let Some(row) = starts.next().await.map_err(index)? {
        let (partition, start) = LogStart::decode(&row.key, &row.value)?;
        found.entry(partition).or_default().start = start;
    }
    let mut extents = AllRows::new(db, Tag::Extent);
    while let Some(row) = extents.next().await.map_err(index)? {
        let (partition, extent) = Extent::decode(&row.key, &row.value)?;
        let surveyed = found.entry(partition).or_default();
        if extent.last_offset >= surveyed.start.offset {
            surveyed.bytes += u64::from(extent.length);
            surveyed.oldest.get_or_insert(extent);
        }
    }
    Ok(found)
}

fn index(error: slatedb::Error) -> PartitionError {
    PartitionError::Index(std::sync::Arc::new(error))
}
