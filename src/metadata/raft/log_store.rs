//! The Raft log and vote in the database.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use openraft::storage::{LogFlushed, LogState, RaftLogStorage};
use openraft::{EntryPayload, OptionalSend, RaftLogReader};
use parking_lot::Mutex;
use slatedb::WriteBatch;
use slatedb::config::ScanOptions;

use super::keys::{self, Key};
use super::types::{Entry, Group, LogId, StorageError, StorageIOError, Vote};
use super::upkeep::Upkeep;

/// The part of the log between two snapshots that is also kept decoded: what followers that keep up ask for.
const CACHED_PART: u64 = 4;

/// Encoded entries that go to a follower at once, in bytes, unless a single one is larger.
const SEND_BYTES: usize = 1024 * 1024;

/// A handle on the log; clones read and write the same one.
#[derive(Clone)]
pub(super) struct LogStore {
    node: u64,
    /// The least vote that is ever read.
    begins_in: Vote,
    /// The newest level that this process knows.
    level: u16,
    upkeep: Arc<Upkeep>,
    /// Encoded entries that are kept decoded, in bytes.
    cache_bytes: usize,
    log: Arc<Mutex<Log>>,
}

/// The ends of the log, known without asking the database.
#[derive(Default)]
struct Log {
    purged: Option<LogId>,
    last: Option<LogId>,
    /// Encoded sizes of the entries present, the last one being that of `last`.
    sizes: VecDeque<u32>,
    /// The most recent entries of those present, the last one being `last`.
    recent: VecDeque<Entry>,
    recent_bytes: usize,
    /// As stored, or on its way.
    vote: Option<Vote>,
}

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    #[error(transparent)]
    Database(#[from] slatedb::Error),
    #[error(transparent)]
    Decode(#[from] keys::DecodeError),
    #[error("an entry cannot be encoded")]
    Encode(#[from] postcard::Error),
    #[error("the log has a gap: entry {found} follows {before}")]
    Gap { before: u64, found: u64 },
}

impl LogStore {
    /// Reads what the database has. Entries that `applied`, a snapshot's last, covers do not count as new.
    pub(super) async fn open(
        node: u64,
        level: u16,
        upkeep: Arc<Upkeep>,
        applied: Option<LogId>,
    ) -> Result<LogStore, LogError> {
        let mut log = Log::default();
        if let Some(value) = upkeep.db().get(Key::Purged.encode()).await? {
            log.purged = Some(keys::decode(&value)?);
        }
        let mut next = log.purged.map(|id| id.index + 1);
        let mut last = None;
        let mut new_bytes = 0;
        let mut rows = scan(&upkeep, next.unwrap_or(0), u64::MAX).await?;
        while let Some(row) = rows.next().await? {
            let index = Key::entry_index(&row.key).unwrap_or_default();
            let expected = next.unwrap_or(0);
            if index != expected {
                return Err(LogError::Gap { before: expected.saturating_sub(1), found: index });
            }
            next = Some(index + 1);
            log.sizes.push_back(row.value.len() as u32);
            if applied.is_none_or(|id| index > id.index) {
                new_bytes += row.value.len() as u64;
            }
            last = Some(row.value);
        }
        log.last = match last {
            Some(value) => Some(keys::decode_entry(&value)?.log_id),
            None => log.purged,
        };
        upkeep.log_grew(new_bytes);
        let cache_bytes = (upkeep.least_bytes() / CACHED_PART) as usize;
        let log = Arc::new(Mutex::new(log));
        Ok(LogStore { node, begins_in: Vote::default(), level, upkeep, cache_bytes, log })
    }

    /// Has the log begin in a term that is over for this broker: leaders of earlier ones are refused.
    pub(super) fn begin_in(&mut self, vote: Vote) {
        self.begins_in = vote;
    }

    /// The last entry that is there.
    pub(super) fn last(&self) -> Option<LogId> {
        self.log.lock().last
    }

    async fn read(&self, start: u64, end: u64) -> Result<Vec<Entry>, LogError> {
        let (start, end) = {
            let log = self.log.lock();
            let Some((first, last)) = log.bounds() else { return Ok(Vec::new()) };
            let (start, end) = (start.max(first), end.min(last + 1));
            if let Some(entries) = log.recent(start, end) {
                return Ok(entries);
            }
            (start, end)
        };
        let mut entries = Vec::new();
        if start >= end {
            return Ok(entries);
        }
        let mut rows = scan(&self.upkeep, start, end).await?;
        while let Some(row) = rows.next().await? {
            entries.push(keys::decode_entry(&row.value)?);
        }
        Ok(entries)
    }

    async fn write(&self, entries: Vec<Entry>) -> Result<(), LogError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut batch = WriteBatch::new();
        let mut sizes = Vec::with_capacity(entries.len());
        for entry in &entries {
            if keys::newest_version(entry) > self.level {
                return Err(keys::DecodeError::TooNew { level: keys::newest_version(entry) }.into());
            }
            let value = keys::encode_entry(entry)?;
            sizes.push(value.len());
            batch.put_bytes(Key::Entry(entry.log_id.index).encode(), value.into());
            if let EntryPayload::Membership(membership) = &entry.payload {
                self.upkeep.voters_are(entry.log_id.index, membership);
            }
        }
        self.log.lock().extend(entries, &sizes, self.cache_bytes);
        self.upkeep.write_log(batch).await?;
        self.upkeep.log_grew(sizes.iter().sum::<usize>() as u64);
        Ok(())
    }

    async fn remove_from(&self, index: u64) -> Result<(), LogError> {
        let before = match index.checked_sub(1) {
            Some(before) => self.read(before, index).await?.pop().map(|entry| entry.log_id),
            None => None,
        };
        let mut batch = WriteBatch::new();
        {
            let mut log = self.log.lock();
            let Some((first, last)) = log.bounds().filter(|(_, last)| *last >= index) else { return Ok(()) };
            for removed in index.max(first)..=last {
                batch.delete(Key::Entry(removed).encode());
                log.sizes.pop_back();
            }
            log.last = before.or(log.purged);
            log.clear_recent();
        }
        self.upkeep.removed_from(index);
        Ok(self.upkeep.write(batch).await?)
    }

    async fn remove_until(&self, upto: LogId) -> Result<(), LogError> {
        let mut batch = WriteBatch::new();
        batch.put(Key::Purged.encode(), keys::encode(&upto)?);
        {
            let mut log = self.log.lock();
            if let Some((first, last)) = log.bounds() {
                for removed in first..=upto.index.min(last) {
                    batch.delete(Key::Entry(removed).encode());
                    log.forget_first();
                }
            }
            if log.sizes.is_empty() {
                log.last = log.last.max(Some(upto));
            }
            log.purged = Some(upto);
        }
        // An entry that is still there after a crash is in the snapshot too: it does no harm.
        Ok(self.upkeep.write_lazily(batch).await?)
    }
}

impl Log {
    /// The first and last index present.
    fn bounds(&self) -> Option<(u64, u64)> {
        let last = self.last?.index;
        if self.sizes.is_empty() { None } else { Some((last + 1 - self.sizes.len() as u64, last)) }
    }

    /// The entries of an index range, if all of them are at hand.
    fn recent(&self, start: u64, end: u64) -> Option<Vec<Entry>> {
        if start >= end {
            return Some(Vec::new());
        }
        let first = self.recent.front()?.log_id.index;
        let from = usize::try_from(start.checked_sub(first)?).ok()?;
        let count = usize::try_from(end - start).ok()?;
        let entries: Vec<Entry> = self.recent.iter().skip(from).take(count).cloned().collect();
        (entries.len() == count).then_some(entries)
    }

    fn extend(&mut self, entries: Vec<Entry>, sizes: &[usize], cache_bytes: usize) {
        for (entry, size) in entries.into_iter().zip(sizes) {
            self.last = Some(entry.log_id);
            self.sizes.push_back(*size as u32);
            self.recent.push_back(entry);
            self.recent_bytes += size;
        }
        while self.recent_bytes > cache_bytes && self.recent.len() > 1 {
            let oldest = self.sizes[self.sizes.len() - self.recent.len()];
            self.recent_bytes -= oldest as usize;
            self.recent.pop_front();
        }
    }

    /// Forgets the first entry that is present.
    fn forget_first(&mut self) {
        let is_recent = self.recent.len() == self.sizes.len();
        let Some(size) = self.sizes.pop_front() else { return };
        if is_recent {
            self.recent_bytes -= size as usize;
            self.recent.pop_front();
        }
    }

    fn clear_recent(&mut self) {
        self.recent.clear();
        self.recent_bytes = 0;
    }

    /// The end of a range that begins at `start`, so that its entries have few bytes in all.
    fn end_within(&self, start: u64, end: u64, most: usize) -> u64 {
        let Some((first, last)) = self.bounds() else { return end };
        let mut bytes = 0;
        for index in start.max(first)..end.min(last + 1) {
            bytes += self.sizes[(index - first) as usize] as usize;
            if bytes > most && index > start {
                return index;
            }
        }
        end
    }
}

async fn scan(upkeep: &Upkeep, start: u64, end: u64) -> Result<slatedb::DbIterator, slatedb::Error> {
    let options = ScanOptions { read_ahead_bytes: SEND_BYTES, max_fetch_tasks: 4, ..ScanOptions::default() };
    let range = Key::Entry(start).encode()..Key::Entry(end).encode();
    upkeep.db().scan_with_options(range, &options).await
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start + 1,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end + 1,
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    (start, end)
}

impl RaftLogReader<Group> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        let (start, end) = bounds(&range);
        self.read(start, end).await.map_err(|error| StorageIOError::read_logs(&error).into())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, StorageError> {
        let end = self.log.lock().end_within(start, end, SEND_BYTES);
        self.try_get_log_entries(start..end).await
    }
}

impl RaftLogStorage<Group> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> Result<LogState<Group>, StorageError> {
        let log = self.log.lock();
        Ok(LogState { last_purged_log_id: log.purged, last_log_id: log.last })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    /// A vote that only becomes committed goes with the next write: forgotten, it is the vote that was given.
    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        let mut batch = WriteBatch::new();
        let value = keys::encode(vote).map_err(|error| StorageIOError::write_vote(&error))?;
        batch.put(Key::Vote.encode(), value);
        let before = self.log.lock().vote.replace(*vote);
        let is_given = before.is_some_and(|before| before.leader_id == vote.leader_id);
        let saved =
            if is_given { self.upkeep.write_lazily(batch).await } else { self.upkeep.write(batch).await };
        saved.map_err(|error| StorageIOError::write_vote(&error).into())
    }

    /// A vote for this broker itself is read as one that it has not won: the process that won it is gone, and leading
    /// on in its term would make two leaders of one term if that process lives after all.
    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        let value = self.upkeep.db().get(Key::Vote.encode()).await;
        let value = value.map_err(|error| StorageIOError::read_vote(&error))?;
        let begins_in = (self.begins_in != Vote::default()).then_some(self.begins_in);
        let Some(value) = value else { return Ok(begins_in) };
        let mut vote: Vote = keys::decode(&value).map_err(|error| StorageIOError::read_vote(&error))?;
        if vote.leader_id.voted_for() == Some(self.node) {
            vote.committed = false;
        }
        self.log.lock().vote = Some(vote);
        Ok(Some(begins_in.filter(|least| vote < *least).unwrap_or(vote)))
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Group>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let written = self.write(entries.into_iter().collect()).await;
        written.map_err(|error| StorageIOError::write_logs(&error))?;
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let removed = self.remove_from(log_id.index).await;
        removed.map_err(|error| StorageIOError::write_logs(&error).into())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let removed = self.remove_until(log_id).await;
        removed.map_err(|error| StorageIOError::write_logs(&error).into())
    }
}
