//! Opens SlateDB databases, with settings that fit their use, one clock and one cache for all of them.
//! It knows nothing of the rows in them, nor of how a shard's write-ahead log is written.
//! Entry point: [`Databases`].
//! Invariant: a database sees one clock that never runs backwards, shares one cache, and is compacted and swept by tasks
//! whose failure does not close it.

mod clock;
mod harm;
mod maintenance;
mod seals;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::path::Path;
use slatedb::admin::Admin;
use slatedb::config::{DbReaderOptions, Settings};
use slatedb::db_cache::moka::{MokaCache, MokaCacheOptions};
use slatedb::db_cache::{CacheTarget, DbCache};
use slatedb::{
    DbBuilder, DbCacheManagerOps as _, DbReader, DbReaderBuilder, DbReaderMode, VersionedManifest,
};

pub use clock::DatabaseClock;
pub use harm::Harm;
pub use maintenance::Maintenance;

use super::Store;
use crate::runtime::Runtime;
use seals::Sealed;

const MIB: usize = 1024 * 1024;

/// The size up to which a table is read ahead as a whole, in bytes. Those that were not compacted yet are hardly ever larger.
const SMALL_TABLE_BYTES: u64 = 256 * 1024;
/// The most that is read ahead of one database in tables as a whole, in bytes.
const READ_AHEAD_BYTES: u64 = 4 * MIB as u64;

/// The purpose of a database; its settings follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The index of a shard: many small rows; its write-ahead log is the shard's own segments.
    ShardIndex,
    /// A broker's Raft log, vote and snapshots: few rows, written one after the other, hardly ever read.
    Raft,
}

/// Opens databases. Cheap to clone.
#[derive(Clone)]
pub struct Databases {
    store: Store,
    objects: Arc<dyn ObjectStore>,
    clock: Arc<DatabaseClock>,
    cache: Arc<dyn DbCache>,
    runtime: Runtime,
}

impl Databases {
    /// `cache_bytes` bounds what all databases together keep of their blocks, indexes and filters in memory.
    pub fn new(store: &Store, cache_bytes: u64, runtime: &Runtime) -> Databases {
        let options = MokaCacheOptions { max_capacity: cache_bytes, ..MokaCacheOptions::default() };
        // Garbage is collected with boundaries where they can be raised.
        let has_boundaries = store.probe().conditional_update;
        Databases {
            store: store.clone(),
            objects: Arc::new(Sealed::new(store.object_store(), store.prefix(), has_boundaries)),
            clock: Arc::new(DatabaseClock::new(runtime.clock.clone())),
            cache: Arc::new(MokaCache::new_with_opts(options)),
            runtime: runtime.clone(),
        }
    }

    /// The clock of all databases. Whoever replays rows with times of another process raises it first.
    pub fn clock(&self) -> &Arc<DatabaseClock> {
        &self.clock
    }

    /// The manifest that is stored now, if the database exists: writer epoch, `replay_after_wal_id`, last time. An open
    /// database's own view may be ahead of it, or behind. The clock is raised to the manifest's newest time, so this must
    /// be called before a database is opened that another process may have written.
    pub async fn stored_manifest(&self, path: &Path) -> Result<Option<VersionedManifest>, slatedb::Error> {
        let manifest = self.admin(path).read_manifest(None).await?;
        if let Some(manifest) = &manifest {
            self.clock.raise(newest_ms(manifest));
        }
        Ok(manifest)
    }

    fn admin(&self, path: &Path) -> Admin {
        slatedb::admin::AdminBuilder::new(path.clone(), Arc::clone(&self.objects))
            .with_system_clock(self.clock.clone())
            .with_seed(self.runtime.rng.u64())
            .build()
    }

    /// A builder with everything set that does not depend on the caller. A shard adds its write-ahead log and the epoch
    /// that it expects. Neither compactor nor garbage collector runs inside: see [`Databases::maintain`].
    ///
    /// SlateDB repeats failing requests for ever, so opening should be given a time limit.
    pub fn builder(&self, path: Path, role: Role) -> DbBuilder<Path> {
        let cache_id = cache_id(&path);
        DbBuilder::new(path, Arc::clone(&self.objects))
            .with_settings(settings(role))
            .with_db_cache(Arc::clone(&self.cache), cache_id)
            .with_system_clock(self.clock.clone())
            .with_seed(self.runtime.rng.u64())
    }
}

impl Databases {
    /// Has the cache learn where the rows of a database are, for one that opens it soon: filters and indexes of its tables, and the
    /// rows of small ones, all at once. The reader that it gives sees what is stored, through the same cache.
    pub async fn read_ahead(&self, path: Path, role: Role) -> Result<DbReader, slatedb::Error> {
        let cache = (Arc::clone(&self.cache), cache_id(&path));
        let reader = self.reading(path, role).with_db_cache(cache.0, cache.1).build().await?;
        let (manifest, mut left) = (reader.manifest(), READ_AHEAD_BYTES);
        let tables = manifest.all_sst_views().map(|table| {
            let bytes = table.estimate_size();
            let is_whole = bytes <= SMALL_TABLE_BYTES.min(left);
            left -= if is_whole { bytes } else { 0 };
            let rows = is_whole.then(|| CacheTarget::data::<&[u8], _>(..));
            let targets: Vec<_> =
                [CacheTarget::Filters, CacheTarget::Index].into_iter().chain(rows).collect();
            let (id, reader) = (table.sst.id, &reader);
            async move { reader.warm_sst(id, &targets).await }
        });
        futures::future::try_join_all(tables).await?;
        Ok(reader)
    }

    /// Reads a database as it is stored, without writing anything and without ending its owner. A shard's own log is not read.
    pub async fn reader(&self, path: Path, role: Role) -> Result<DbReader, slatedb::Error> {
        self.reading(path, role).with_db_cache_disabled().build().await
    }

    fn reading(&self, path: Path, role: Role) -> DbReaderBuilder<Path> {
        let options =
            DbReaderOptions { skip_wal_replay: role == Role::ShardIndex, ..DbReaderOptions::default() };
        DbReader::builder(path, Arc::clone(&self.objects))
            .with_reader_mode(DbReaderMode::FollowLatest)
            .with_options(options)
            .with_system_clock(self.clock.clone())
            .with_seed(self.runtime.rng.u64())
    }
}

/// The newest time in a manifest. Names of tables have the times of their making, which is later than that of the last
/// row in them, and a new table must not be older than one that is there.
fn newest_ms(manifest: &VersionedManifest) -> i64 {
    let of_tables = manifest.all_sst_views().flat_map(|table| [table.id, table.sst.id.value()]);
    let names = of_tables.chain(manifest.last_compacted_l0_sst_view_id());
    let newest = names.map(|name| i64::try_from(name.timestamp_ms()).unwrap_or(i64::MAX)).max();
    manifest.last_l0_clock_tick().max(newest.unwrap_or(i64::MIN))
}

/// Separates the entries of databases in the shared cache; the same at every opening, so that entries stay useful.
fn cache_id(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.as_ref().hash(&mut hasher);
    hasher.finish()
}

/// The limits that were measured to keep memory, idle requests and stalls low.
fn settings(role: Role) -> Settings {
    let shared = Settings {
        // Every write says itself when it must be durable; a timer would only add objects.
        flush_interval: None,
        compactor_options: None,
        garbage_collector_options: None,
        // With the defaults, 8 and 8, a burst of flushes stalls until the next poll of the manifest.
        l0_max_ssts: 32,
        l0_max_ssts_per_key: 32,
        ..Settings::default()
    };
    match role {
        Role::ShardIndex => Settings {
            manifest_poll_interval: Duration::from_secs(10),
            l0_sst_size_bytes: 8 * MIB,
            max_unflushed_bytes: 64 * MIB,
            ..shared
        },
        Role::Raft => Settings {
            manifest_poll_interval: Duration::from_secs(60),
            l0_sst_size_bytes: 8 * MIB,
            max_unflushed_bytes: 64 * MIB,
            ..shared
        },
    }
}
