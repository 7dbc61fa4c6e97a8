//! Loading of many partitions at once: one pass over each kind of row, where every partition by itself would be four looks
//! into the index.

use bytes::Bytes;
use slatedb::{Db, DbIterator, KeyValue};

use super::{end_of, index, scan_options};
use crate::log::partition::{EpochHistory, Loaded};
use crate::log::stored::error::PartitionError;
use crate::log::stored::keys::{self, Extent, LeaderEpochStart, LogStart, PartitionSnapshot, Tag};
use crate::types::Partition;

/// The findings of [`super::load`] for each of these partitions, which must be in the order of their keys.
pub async fn load_many(
    db: &Db,
    partitions: &[Partition],
    expired_before_ms: i64,
) -> Result<Vec<Loaded>, PartitionError> {
    let (Some(first), Some(last)) = (partitions.first(), partitions.last()) else { return Ok(Vec::new()) };
    let open = |tag| Cursor::over(db, tag, *first, *last);
    let (mut snapshots, mut starts, mut epochs, mut extents) = futures::try_join!(
        open(Tag::Snapshot),
        open(Tag::LogStart),
        open(Tag::LeaderEpoch),
        open(Tag::Extent),
    )?;
    let mut all = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let snapshot = match snapshots.next(*partition, None).await? {
            Some(row) => PartitionSnapshot::decode(&row.key, &row.value)?.1,
            None => PartitionSnapshot::default(),
        };
        let start = match starts.next(*partition, None).await? {
            Some(row) => LogStart::decode(&row.key, &row.value)?.1,
            None => LogStart::default(),
        };
        let mut entries = Vec::new();
        while let Some(row) = epochs.next(*partition, None).await? {
            entries.push(LeaderEpochStart::decode(&row.key, &row.value)?.1);
        }
        let mut loaded =
            Loaded::as_of(snapshot, start, EpochHistory::from_entries(entries), expired_before_ms);
        let from = Extent::key(*partition, loaded.snapshot_offset);
        while let Some(row) = extents.next(*partition, Some(&from)).await? {
            loaded.add(Extent::decode(&row.key, &row.value)?.1, expired_before_ms);
        }
        all.push(loaded);
    }
    Ok(all)
}

/// Rows of one kind, partition after partition.
struct Cursor {
    tag: Tag,
    rows: DbIterator,
    /// A row that was read and lies behind what was asked for.
    ahead: Option<KeyValue>,
    is_over: bool,
}

impl Cursor {
    async fn over(db: &Db, tag: Tag, first: Partition, last: Partition) -> Result<Cursor, PartitionError> {
        let range = Bytes::copy_from_slice(&keys::prefix(tag, first))..end_of(tag, last);
        let rows = db.scan_with_options(range, &scan_options()).await.map_err(index)?;
        Ok(Cursor { tag, rows, ahead: None, is_over: false })
    }

    /// The next row of `partition`, at `from` or behind it if that is given. What lies before is skipped for good.
    async fn next(
        &mut self,
        partition: Partition,
        from: Option<&Bytes>,
    ) -> Result<Option<KeyValue>, PartitionError> {
        let prefix = keys::prefix(self.tag, partition);
        let from: &[u8] = from.map_or(&prefix, |from| from);
        while !self.is_over {
            let row = match self.ahead.take() {
                Some(row) => Some(row),
                None => self.rows.next().await.map_err(index)?,
            };
            match row {
                None => self.is_over = true,
                Some(row) if *row.key < *from => self.rows.seek(from).await.map_err(index)?,
                Some(row) if row.key.starts_with(&prefix) => return Ok(Some(row)),
                behind => {
                    self.ahead = behind;
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }
}
