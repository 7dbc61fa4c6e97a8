//! Compacts a database and deletes what it no longer needs, outside of it: a failure here is tried again later, where
//! inside SlateDB it would close the database. An idle database costs no request.

use std::time::Duration;

use object_store::path::Path;
use slatedb::config::{
    CompactionWorkerOptions, CompactorOptions, GarbageCollectorDirectoryOptions, GarbageCollectorOptions,
};
use slatedb::{CompactorBuilder, Db, GarbageCollectorBuilder};

use super::{Databases, Role};
use crate::runtime::clock::Instant;
use crate::runtime::{Shutdown, TaskKind};

/// The time between two looks at the database's own view. No request is made for it.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// A compactor runs while there are this many level-0 tables; those that remain are few enough to be read one by one.
const COMPACT_FROM: usize = 8;
const COMPACT_TO: usize = 4;
/// A compactor that brought no relief in this time is stopped, and started again when there is more to do.
const COMPACT_LIMIT: Duration = Duration::from_secs(600);
const RETRY_AFTER: Duration = Duration::from_secs(30);
const COLLECT_INTERVAL: Duration = Duration::from_secs(120);
/// After the opening: or processes that often start anew would leave everything behind. The Raft database, which has
/// little, comes a minute later than the shards, so that the requests of an idle broker are spread.
const FIRST_COLLECTION: Duration = Duration::from_secs(30);
const FIRST_COLLECTION_OF_RAFT: Duration = Duration::from_secs(90);
/// SlateDB itself spares tables that no manifest names yet. What is replaced stays for those that read by a view of
/// theirs: a database learns of a compaction when it polls the manifest.
const MIN_AGE: Duration = Duration::from_secs(300);
/// Of SlateDB's log, whose objects a process that slept could create again.
const MIN_AGE_OF_LOG: Duration = Duration::from_secs(900);
/// The same of a store whose manifests cannot be overwritten conditionally: a process that slept for longer before it wrote
/// its next manifest could believe that it succeeded. It acknowledges nothing for that: fences are in the log.
const MIN_AGE_UNCONDITIONAL: Duration = Duration::from_secs(3600);

/// The task that looks after one open database.
pub struct Maintenance {
    stop: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

impl Maintenance {
    /// Stops the task and waits for it. Call this before the database is closed.
    pub async fn stop(self) {
        self.stop.request();
        // A panic was reported where it happened.
        let _ = self.task.await;
    }
}

impl Databases {
    /// Looks after `db`, opened at `path`, until told to stop or the database is closed. The database must use no merge
    /// operator and the default filters.
    pub fn maintain(&self, db: &Db, path: &Path, role: Role) -> Maintenance {
        let stop = self.runtime.shutdown.child();
        let keeper =
            Keeper { databases: self.clone(), db: db.clone(), path: path.clone(), role, stop: stop.clone() };
        let task = self.runtime.tasks.spawn(TaskKind::Periodic, keeper.run());
        Maintenance { stop, task }
    }
}

struct Keeper {
    databases: Databases,
    db: Db,
    path: Path,
    role: Role,
    stop: Shutdown,
}

impl Keeper {
    async fn run(self) {
        let clock = self.databases.runtime.clock.clone();
        let mut compact_after = clock.instant();
        let mut collect_after = clock.instant()
            + match self.role {
                Role::ShardIndex => FIRST_COLLECTION,
                Role::Raft => FIRST_COLLECTION_OF_RAFT,
            };
        let mut collected_manifest = self.db.manifest().id();
        loop {
            tokio::select! {
                biased;
                () = self.stop.requested() => return,
                () = clock.sleep(CHECK_INTERVAL) => {}
            }
            if self.db.status().close_reason.is_some() {
                return;
            }
            let now = clock.instant();
            let manifest = self.db.manifest();
            if manifest.l0().len() >= COMPACT_FROM && now >= compact_after {
                compact_after = self.compact().await;
            }
            if now >= collect_after {
                collect_after = now + COLLECT_INTERVAL;
                if manifest.id() != collected_manifest {
                    collected_manifest = manifest.id();
                    self.collect_garbage().await;
                }
            }
        }
    }

    /// Runs a compactor until little is left to do. Says when the next may start.
    async fn compact(&self) -> Instant {
        let clock = &self.databases.runtime.clock;
        let options = CompactorOptions {
            poll_interval: Duration::from_secs(1),
            max_concurrent_compactions: 1,
            // It keeps the tables that a compaction replaces.
            checkpoint_lifetime: MIN_AGE,
            worker: Some(CompactionWorkerOptions {
                max_concurrent_compactions: 1,
                max_subcompactions: 1,
                compactions_poll_interval: Duration::from_secs(1),
                ..CompactionWorkerOptions::default()
            }),
            ..CompactorOptions::default()
        };
        let compactor = CompactorBuilder::new(self.path.clone(), self.databases.objects.clone())
            .with_options(options)
            .with_system_clock(self.databases.clock.clone())
            .with_seed(self.databases.runtime.rng.u64())
            .build();
        let deadline = clock.instant() + COMPACT_LIMIT;
        if let Err(error) = self.raise_clock_to_compactions().await {
            tracing::debug!(database = %self.path, %error, "earlier compactions not read");
        }
        let failed = tokio::select! {
            biased;
            outcome = compactor.run() => outcome.err(),
            () = self.until_relieved(deadline) => compactor.stop().await.err(),
        };
        match failed {
            None => clock.instant(),
            Some(error) => {
                let database = &self.path;
                tracing::warn!(%database, %error, "index compaction failed; it will be tried again");
                clock.instant() + RETRY_AFTER
            }
        }
    }

    /// A compaction must not be named by an earlier time than those that are stored.
    async fn raise_clock_to_compactions(&self) -> Result<(), slatedb::Error> {
        let stored = self.databases.admin(&self.path).read_compactions(None).await?;
        let jobs = stored.iter().flat_map(|stored| stored.recent_compactions());
        let newest = jobs.map(|job| job.id().timestamp_ms()).max();
        if let Some(newest) = newest {
            self.databases.clock.raise(i64::try_from(newest).unwrap_or(i64::MAX));
        }
        Ok(())
    }

    async fn until_relieved(&self, deadline: Instant) {
        let clock = &self.databases.runtime.clock;
        while self.db.manifest().l0().len() > COMPACT_TO
            && self.db.status().close_reason.is_none()
            && clock.instant() < deadline
        {
            tokio::select! {
                biased;
                () = self.stop.requested() => return,
                () = clock.sleep(CHECK_INTERVAL) => {}
            }
        }
    }

    async fn collect_garbage(&self) {
        let collector = GarbageCollectorBuilder::new(self.path.clone(), self.databases.objects.clone())
            .with_options(garbage_options(self.role, self.databases.store.probe().conditional_update))
            .with_system_clock(self.databases.clock.clone())
            .with_seed(self.databases.runtime.rng.u64())
            .build();
        tokio::select! {
            biased;
            () = self.stop.requested() => {}
            () = collector.run_gc_once() => {}
        }
    }
}

/// Segments are a shard's own to delete; a Raft database has SlateDB's log. Fences are never deleted.
fn garbage_options(role: Role, conditional_update: bool) -> GarbageCollectorOptions {
    let aged = |min_age| {
        Some(GarbageCollectorDirectoryOptions { min_age, ..GarbageCollectorDirectoryOptions::default() })
    };
    let metadata_age = if conditional_update { MIN_AGE } else { MIN_AGE_UNCONDITIONAL };
    GarbageCollectorOptions {
        manifest_options: aged(metadata_age),
        wal_options: if role == Role::Raft { aged(MIN_AGE_OF_LOG) } else { None },
        wal_fence_options: None,
        compacted_options: aged(MIN_AGE),
        compactions_options: aged(metadata_age),
        detach_options: None,
        boundary_files_enabled: conditional_update,
        ..GarbageCollectorOptions::default()
    }
}
