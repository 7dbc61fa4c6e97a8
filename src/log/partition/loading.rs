//! Loading a partition from the index when it is first needed.
//!
//! Nothing was written to the partition in this incarnation before it is loaded, so everything that is found is durable.

mod many;

use bytes::Bytes;
use slatedb::config::ScanOptions;
use slatedb::{Db, DbReadOps};

use crate::log::partition::{EpochHistory, Loaded};
use crate::log::stored::error::PartitionError;
use crate::log::stored::keys::{self, Extent, LeaderEpochStart, LogStart, PartitionSnapshot, Tag};
use crate::types::Partition;

pub(in crate::log) use many::load_many;

/// Bytes that a scan reads ahead; SlateDB's own default is one block per request.
const READ_AHEAD_BYTES: usize = 256 * 1024;
/// Of all rows of one kind, which a coordinator waits for.
const KIND_READ_AHEAD_BYTES: usize = 4 << 20;

/// Options for scanning the rows of a partition: in few requests, and without pushing others out of the cache.
pub(in crate::log) fn scan_options() -> ScanOptions {
    ScanOptions { read_ahead_bytes: READ_AHEAD_BYTES, ..ScanOptions::default() }
}

/// Reads the snapshot, what came after it, log start and leader epochs. Producers that were silent since
/// `expired_before_ms` are left out.
pub(in crate::log) async fn load(
    db: &Db,
    partition: Partition,
    expired_before_ms: i64,
) -> Result<Loaded, PartitionError> {
    let (snapshot, log_start, epochs) = futures::try_join!(
        get(db, PartitionSnapshot::key(partition)),
        get(db, LogStart::key(partition)),
        leader_epochs(db, partition),
    )?;
    let snapshot = match snapshot {
        Some((key, value)) => PartitionSnapshot::decode(&key, &value)?.1,
        None => PartitionSnapshot::default(),
    };
    let start = match log_start {
        Some((key, value)) => LogStart::decode(&key, &value)?.1,
        None => LogStart::default(),
    };
    let mut loaded = Loaded::as_of(snapshot, start, epochs, expired_before_ms);
    let from = Extent::key(partition, loaded.snapshot_offset);
    let mut later =
        db.scan_with_options(from..end_of(Tag::Extent, partition), &scan_options()).await.map_err(index)?;
    while let Some(row) = later.next().await.map_err(index)? {
        loaded.add(Extent::decode(&row.key, &row.value)?.1, expired_before_ms);
    }
    Ok(loaded)
}

/// Rows of a partition that is to go.
pub(in crate::log) struct SomeRows {
    pub keys: Vec<Bytes>,
    /// Of those that are extents.
    pub extent_bytes: u64,
}

/// Up to `limit` rows of `partition`, of any kind.
pub(in crate::log) async fn some_rows(
    db: &Db,
    partition: Partition,
    limit: usize,
) -> Result<SomeRows, PartitionError> {
    let mut found = SomeRows { keys: Vec::new(), extent_bytes: 0 };
    for tag in Tag::OF_PARTITION {
        let from = Bytes::copy_from_slice(&keys::prefix(tag, partition));
        let mut rows =
            db.scan_with_options(from..end_of(tag, partition), &scan_options()).await.map_err(index)?;
        while found.keys.len() < limit {
            let Some(row) = rows.next().await.map_err(index)? else { break };
            if tag == Tag::Extent {
                found.extent_bytes += u64::from(Extent::decode(&row.key, &row.value)?.1.length);
            }
            found.keys.push(row.key);
        }
    }
    Ok(found)
}

/// All rows of one kind.
pub(in crate::log) async fn rows(
    db: &(impl DbReadOps + Sync),
    tag: Tag,
) -> Result<Vec<(Bytes, Bytes)>, PartitionError> {
    let options = ScanOptions { read_ahead_bytes: KIND_READ_AHEAD_BYTES, ..ScanOptions::default() };
    let mut rows = db.scan_with_options(keys::range(tag), &options).await.map_err(index)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().await.map_err(index)? {
        found.push((row.key, row.value));
    }
    Ok(found)
}

async fn leader_epochs(db: &Db, partition: Partition) -> Result<EpochHistory, PartitionError> {
    let from = Bytes::copy_from_slice(&keys::prefix(Tag::LeaderEpoch, partition));
    let range = from..end_of(Tag::LeaderEpoch, partition);
    let mut rows = db.scan_with_options(range, &scan_options()).await.map_err(index)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().await.map_err(index)? {
        entries.push(LeaderEpochStart::decode(&row.key, &row.value)?.1);
    }
    Ok(EpochHistory::from_entries(entries))
}

async fn get(db: &Db, key: Bytes) -> Result<Option<(Bytes, Bytes)>, PartitionError> {
    Ok(db.get(&key).await.map_err(index)?.map(|value| (key, value)))
}

/// The key behind all keys of a kind of a partition.
pub(in crate::log) fn end_of(tag: Tag, partition: Partition) -> Bytes {
    let mut key = keys::prefix(tag, partition).to_vec();
    key.resize(keys::PREFIX_LEN + 16, 0xff);
    Bytes::from(key)
}

fn index(error: slatedb::Error) -> PartitionError {
    PartitionError::Index(std::sync::Arc::new(error))
}
