//! The Raft database and what it needs from time to time: snapshots by the log's bytes, and flushes that keep the next
//! start short.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use openraft::{BasicNode, Membership};
use parking_lot::Mutex;
use slatedb::config::{FlushOptions, FlushType};
use slatedb::{Db, WriteBatch};
use tokio::sync::Notify;

use super::keys::Key;
use crate::runtime::Clock;
use crate::runtime::clock::Instant;

/// Files of the database's own log that a start has to replay, at most, about: one per durable write.
const MOST_WAL_FILES: u32 = 128;

/// When an earlier process last wrote to the database, in milliseconds since the Unix epoch by its clock. A clock that
/// is behind that would end the database with the first write, so it has to be raised before.
pub(in crate::metadata) async fn last_write_ms(db: &Db) -> Result<Option<i64>, slatedb::Error> {
    let row = db.get_key_value(Key::LastWrite.encode()).await?;
    Ok(row.map(|row| row.create_ts))
}

/// The database with its counters. Writes through it are durable when they return.
pub(super) struct Upkeep {
    node: u64,
    db: Db,
    clock: Clock,
    /// The beginnings of the durable writes that are under way, in their order.
    writing: Mutex<BTreeMap<u64, Instant>>,
    writes: AtomicU64,
    wal_files: AtomicU32,
    /// Bytes of log entries, ever growing while the process runs.
    appended: AtomicU64,
    /// The value of `appended` when the last snapshot was begun.
    at_snapshot: AtomicU64,
    snapshot_bytes: AtomicU64,
    /// Log bytes after which a snapshot is due, if twice the last snapshot is less.
    least_bytes: u64,
    due: Notify,
    /// The newest entry that says who votes, and true if this broker does.
    votes: Mutex<(u64, bool)>,
}

impl Upkeep {
    /// The number of files that the processes before have left is not known: the first upkeep flushes them.
    pub(super) fn new(node: u64, db: Db, clock: Clock, least_bytes: u64) -> Upkeep {
        let due = Notify::new();
        due.notify_one();
        Upkeep {
            node,
            db,
            clock,
            writing: Mutex::default(),
            writes: AtomicU64::new(0),
            wal_files: AtomicU32::new(MOST_WAL_FILES),
            appended: AtomicU64::new(0),
            at_snapshot: AtomicU64::new(0),
            snapshot_bytes: AtomicU64::new(0),
            least_bytes,
            due,
            votes: Mutex::new((0, true)),
        }
    }

    /// The group as this process found it: this broker votes, or only listens.
    pub(super) fn begin_as(&self, votes: bool) {
        self.votes.lock().1 = votes;
    }

    /// Entry `index`, or a snapshot of it, says who votes.
    pub(super) fn voters_are(&self, index: u64, membership: &Membership<u64, BasicNode>) {
        let votes = membership.voter_ids().any(|id| id == self.node);
        let mut known = self.votes.lock();
        if index >= known.0 {
            *known = (index, votes);
        }
    }

    /// Entries from `index` on are gone. If one of them said who votes, this broker may vote again.
    pub(super) fn removed_from(&self, index: u64) {
        let mut known = self.votes.lock();
        if known.0 >= index {
            *known = (index, true);
        }
    }

    /// Writes entries of the log: nobody counts on those of a learner, which may forget them. What it has when it becomes a
    /// voter is durable with its next write.
    pub(super) async fn write_log(&self, batch: WriteBatch) -> Result<(), slatedb::Error> {
        let votes = self.votes.lock().1;
        if votes { self.write(batch).await } else { self.write_lazily(batch).await }
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    /// Writes `batch`, and returns when it is in the object store.
    pub(super) async fn write(&self, batch: WriteBatch) -> Result<(), slatedb::Error> {
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        self.writing.lock().insert(number, self.clock.instant());
        let written = self.write_now(batch).await;
        self.writing.lock().remove(&number);
        written?;
        if self.wal_files.fetch_add(1, Ordering::Relaxed) >= MOST_WAL_FILES {
            self.due.notify_one();
        }
        Ok(())
    }

    async fn write_now(&self, batch: WriteBatch) -> Result<(), slatedb::Error> {
        self.write_lazily(batch).await?;
        self.db.flush().await.map(|_| ())
    }

    /// The time for which a durable write has been under way.
    pub(super) fn writes_for(&self) -> Option<Duration> {
        let oldest = self.writing.lock().first_key_value().map(|(_, since)| *since)?;
        Some(self.clock.instant().saturating_duration_since(oldest))
    }

    /// Writes `batch` with whatever is written durably next: for what may be forgotten until then.
    pub(super) async fn write_lazily(&self, mut batch: WriteBatch) -> Result<(), slatedb::Error> {
        batch.put(Key::LastWrite.encode(), []);
        self.db.write(batch).await.map(|_| ())
    }

    pub(super) fn log_grew(&self, bytes: u64) {
        self.appended.fetch_add(bytes, Ordering::Relaxed);
        if self.snapshot_is_due() {
            self.due.notify_one();
        }
    }

    /// A snapshot is being made: what is in the log now will be in it.
    pub(super) fn snapshot_begun(&self) {
        self.at_snapshot.store(self.appended.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(super) fn snapshot_has(&self, bytes: u64) {
        self.snapshot_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Log bytes between two snapshots, at least.
    pub(super) fn least_bytes(&self) -> u64 {
        self.least_bytes
    }

    /// True if one is stored.
    pub(super) fn has_snapshot(&self) -> bool {
        self.snapshot_bytes.load(Ordering::Relaxed) > 0
    }

    pub(super) fn snapshot_is_due(&self) -> bool {
        let log =
            self.appended.load(Ordering::Relaxed).saturating_sub(self.at_snapshot.load(Ordering::Relaxed));
        log > self.least_bytes.max(2 * self.snapshot_bytes.load(Ordering::Relaxed))
    }

    /// Returns when there may be something to do.
    pub(super) async fn due(&self) {
        self.due.notified().await;
    }

    /// Moves what the database's own log holds into tables, once there are many files of it.
    pub(super) async fn flush_tables(&self) -> Result<(), slatedb::Error> {
        if self.wal_files.load(Ordering::Relaxed) < MOST_WAL_FILES {
            return Ok(());
        }
        self.wal_files.store(0, Ordering::Relaxed);
        self.db.flush_with_options(FlushOptions { flush_type: FlushType::MemTable }).await
    }
}
