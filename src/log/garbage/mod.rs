//! Deleting segments that nothing needs any more: mark what the index refers to, then sweep the log's objects.
//! It knows nothing of retention: rows are there or not.
//! Entry point: [`Collector`]; [`rule`] is all that decides about one object.
//! Invariant: an object goes only if no durable extent row names it, no owner's replay can need it, and it is not the
//! first fence of an owner.
//!
//! A sweep is its own recovery: whatever a crash left behind is found by the next one, since nothing but the index and
//! the log itself is consulted. New rows name only new objects, so what is found unnamed stays so. A reader that took
//! an object's name from a row that is gone since finds its offset below the log start, and says so.

mod marks;
pub mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::ready;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStore as _;
use object_store::path::Path;
use slatedb::Db;
use thiserror::Error;

use crate::log::stored::all_rows::AllRows;
use crate::log::stored::keys::{self, Extent, Object, Tag};
use crate::log::stored::paths::ShardPaths;
use crate::log::stored::segment::read::{self, ReadError};
use crate::log::stored::segment::{HEADER_LEN, Kind};
use crate::log::wal::LogStore;
use crate::store::database::Databases;
use crate::types::WriterEpoch;
use marks::Marks;

/// Objects that are deleted at once.
const DELETED_AT_ONCE: usize = 1_000;
/// Headers that are read at once.
const READ_AT_ONCE: usize = 32;
/// With so few rows, looking at all of them is nothing.
const FEW_EXTENTS: u64 = 100_000;
/// Segments without any extent (offsets of groups, for one) add up to no more than this before they are looked for.
const MANY_SEGMENTS: u64 = 1_024;
/// Whatever is dead does not stay for much longer than this.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// Why a collection failed. What it deleted until then was garbage all the same.
#[derive(Debug, Error)]
pub enum CollectError {
    #[error("reading the index failed: {0}")]
    Index(#[from] slatedb::Error),
    #[error(transparent)]
    Malformed(#[from] keys::RowError),
    #[error("the store failed: {0}")]
    Store(#[from] object_store::Error),
    #[error("{0} cannot be read: {1}")]
    Fence(Path, ReadError),
    #[error("{0} is a copy of another object")]
    Copy(Path),
    #[error("a newer owner has the shard")]
    Superseded,
}

/// The findings of a collection, and its deletions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// In the index, and their bytes.
    pub extents: u64,
    pub retained_bytes: u64,
    /// In the log, after the deletions.
    pub objects: u64,
    pub object_bytes: u64,
    pub deleted_objects: u64,
    pub deleted_bytes: u64,
    /// True if there are objects that may go as soon as the index is flushed.
    pub pending: bool,
    /// Objects that may go as soon as a segment says the replay point.
    pub unsaid_objects: u64,
}

/// True if another collection is worth its cost, given the `last` one, bytes that died since, whether something was
/// left for later, segments written since, and its age.
pub fn is_due(last: &Collected, dead_bytes: u64, pending: bool, segments: u64, age: Duration) -> bool {
    let few = last.extents <= FEW_EXTENTS;
    let dead = dead_bytes > 0 && (few || dead_bytes >= last.retained_bytes / 8 || age >= LONGEST);
    dead || (pending && few) || segments >= MANY_SEGMENTS.max(last.extents / 4)
}

/// Collects the garbage of one incarnation's shard.
pub struct Collector {
    log: LogStore,
    databases: Databases,
    /// The writer epoch of the incarnation.
    epoch: WriterEpoch,
    /// Objects without rows that were looked into: fences never change.
    fences: HashMap<u64, Kind>,
}

/// An object of the log as listed.
struct Listed {
    id: u64,
    path: Path,
    bytes: u64,
}

impl Collector {
    pub fn new(log: LogStore, databases: Databases, epoch: WriterEpoch) -> Collector {
        Collector { log, databases, epoch, fences: HashMap::new() }
    }

    /// The stored id from which on a replay would read.
    pub async fn replay_after(&self) -> Result<u64, CollectError> {
        let manifest = self.databases.stored_manifest(self.log.paths.index()).await?;
        let manifest = manifest.ok_or(CollectError::Superseded)?;
        if WriterEpoch(manifest.writer_epoch()) != self.epoch {
            return Err(CollectError::Superseded);
        }
        Ok(manifest.replay_after_wal_id())
    }

    /// Deletes what nothing needs. `durable_id` is the last segment of this owner up to which all are durable, or its
    /// fence, and `said_replay_after` the replay point that it says: it was so before this is called.
    pub async fn collect(
        &mut self,
        db: &Db,
        durable_id: u64,
        said_replay_after: u64,
    ) -> Result<Collected, CollectError> {
        let stored = rule::limit(self.replay_after().await?, durable_id, u64::MAX);
        let limit = rule::limit(stored, durable_id, said_replay_after);
        let mut collected = Collected::default();
        let marks = mark(db, &mut collected).await?;
        let paths = self.log.paths.clone();
        let listed = self.log.objects.list(Some(paths.log()));
        let mut listed = listed.try_filter_map(|meta| {
            let id = ShardPaths::segment_id(&meta.location);
            ready(Ok(id.map(|id| Listed { id, path: meta.location, bytes: meta.size })))
        });
        let mut garbage = Vec::new();
        while let Some(object) = listed.try_next().await? {
            collected.objects += 1;
            collected.object_bytes += object.bytes;
            if marks.contains(object.id) {
                continue;
            }
            let is_fence = object.bytes <= HEADER_LEN as u64;
            collected.pending |= object.id > stored && object.id <= durable_id && !is_fence;
            if object.id < stored && rule::may_go(object.id, stored, self.kind(&object).await?, false) {
                match rule::may_go(object.id, limit, Kind::Data, false) {
                    true => garbage.push(object),
                    false => collected.unsaid_objects += 1,
                }
            }
            if garbage.len() == DELETED_AT_ONCE {
                self.delete(std::mem::take(&mut garbage), &mut collected).await?;
            }
        }
        drop(listed);
        self.delete(garbage, &mut collected).await?;
        Ok(collected)
    }

    /// Only fences are as short as their header.
    async fn kind(&mut self, object: &Listed) -> Result<Kind, CollectError> {
        if object.bytes > HEADER_LEN as u64 {
            return Ok(Kind::Data);
        }
        if let Some(kind) = self.fences.get(&object.id) {
            return Ok(*kind);
        }
        let read = read::header(&*self.log.objects, &object.path).await;
        let header = read.map_err(|error| CollectError::Fence(object.path.clone(), error))?;
        if !header.belongs_at(self.log.paths.shard(), object.id) {
            return Err(CollectError::Copy(object.path.clone()));
        }
        self.fences.insert(object.id, header.kind);
        Ok(header.kind)
    }

    /// Those of `garbage` that are what their names say: a copy of another object may be the last one.
    async fn own(&self, garbage: Vec<Listed>) -> Result<Vec<Listed>, CollectError> {
        let shard = self.log.paths.shard();
        let looked = stream::iter(garbage).map(async |object| {
            match read::header(&*self.log.objects, &object.path).await {
                Ok(header) if header.belongs_at(shard, object.id) => Ok(Some(object)),
                Ok(_) => {
                    tracing::warn!(path = %object.path, "not deleted: it is a copy of another object");
                    Ok(None)
                }
                Err(ReadError::Malformed(malformed)) => {
                    tracing::warn!(path = %object.path, %malformed, "not deleted: nobody knows what it was");
                    Ok(None)
                }
                Err(ReadError::Missing) => Ok(None),
                Err(ReadError::Store(error)) => Err(CollectError::Store(error)),
            }
        });
        looked.buffer_unordered(READ_AT_ONCE).try_filter_map(|own| ready(Ok(own))).try_collect().await
    }

    async fn delete(&mut self, garbage: Vec<Listed>, collected: &mut Collected) -> Result<(), CollectError> {
        let garbage = self.own(garbage).await?;
        let paths: Vec<_> = garbage.iter().map(|object| Ok(object.path.clone())).collect();
        let mut deletions = self.log.objects.delete_stream(stream::iter(paths).boxed());
        while let Some(deletion) = deletions.next().await {
            match deletion {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for object in &garbage {
            self.fences.remove(&object.id);
            collected.objects -= 1;
            collected.object_bytes -= object.bytes;
            collected.deleted_objects += 1;
            collected.deleted_bytes += object.bytes;
        }
        Ok(())
    }
}

/// The segments that durable extent rows name. Rows that come meanwhile name newer ones than may be deleted.
async fn mark(db: &Db, collected: &mut Collected) -> Result<Marks, CollectError> {
    let mut marks = Marks::default();
    let mut rows = AllRows::new(db, Tag::Extent);
    while let Some(row) = rows.next().await? {
        let (_, extent) = Extent::decode(&row.key, &row.value)?;
        if let Object::Log(id) = extent.object {
            marks.insert(id);
        }
        collected.extents += 1;
        collected.retained_bytes += u64::from(extent.length);
    }
    Ok(marks)
}
