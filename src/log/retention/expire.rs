//! One look at one partition: its log start rises over what expired, then the rows below it go.

use bytes::Bytes;
use slatedb::config::{DurabilityLevel, ScanOptions};

use super::policy::{Policy, expires_ms};
use super::survey::{self, Surveyed};
use super::watch::{Seen, is_due};
use super::{Keeper, Pass, PassError};
use crate::log::commit::Removal;
use crate::log::partition::{Known, View, loading};
use crate::log::stored::error::{AppendError, PartitionError};
use crate::log::stored::keys::{Extent, LogStart};
use crate::settings::Retention;
use crate::types::Partition;

/// Up to so many partitions that were never looked at, each is read by itself; of more, the whole index is.
const ONE_BY_ONE: usize = 16;
/// Extents that are judged before the log start rises.
const JUDGED_AT_ONCE: usize = 4_096;
/// Rows that are removed in one commit.
const REMOVED_PER_COMMIT: usize = 1_000;

/// The expired part of some extents.
struct Expired {
    /// The log start that it leaves.
    start: i64,
    /// When the first extent that stays is too old; `None` if there is none.
    next_ms: Option<i64>,
    /// True if there may be more that expired.
    more: bool,
}

impl Keeper {
    /// Looks at every partition that is due.
    pub(super) async fn expire(&mut self, pass: &mut Pass) -> Result<(), PassError> {
        let now_ms = self.runtime.clock.now_ms();
        let mut due = self.due(now_ms);
        if due.iter().filter(|(partition, _)| !self.seen.contains_key(partition)).count() > ONE_BY_ONE {
            self.survey(&due).await?;
            due = self.due(now_ms);
        }
        let overdue = due.iter().filter_map(|(partition, _)| self.seen.get(partition));
        let oldest = overdue.map(|seen| seen.expires_ms).min().unwrap_or(i64::MAX);
        self.metrics.lag_seconds.set(now_ms.saturating_sub(oldest).max(0) as f64 / 1000.0);
        for (partition, retention) in due {
            match self.look(partition, retention, now_ms, pass).await {
                Ok(seen) => drop(self.seen.insert(partition, seen)),
                // It is being deleted, or changed while it was looked at: the next pass sees.
                Err(Skip::ForNow) => drop(self.seen.remove(&partition)),
                Err(Skip::Pass(error)) => return Err(error),
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// The partitions of which something can have expired, and what is kept of each.
    fn due(&mut self, now_ms: i64) -> Vec<(Partition, Retention)> {
        let views = self.incarnation.views();
        let settings = self.incarnation.settings.partitions();
        self.seen.retain(|partition, _| settings.contains_key(partition));
        let is_due = |(partition, Known { settings, .. }): (&Partition, &Known)| {
            let (seen, view) = (self.seen.get(partition), views.get(partition).copied());
            is_due(seen, settings.retention, view, now_ms).then_some((*partition, settings.retention))
        };
        settings.iter().filter_map(is_due).collect()
    }

    /// Sees those that were never looked at all together. Those of which something must go stay unseen.
    async fn survey(&mut self, due: &[(Partition, Retention)]) -> Result<(), PartitionError> {
        let surveyed = survey::read(&self.incarnation.db).await?;
        for (partition, retention) in due {
            let found = surveyed.get(partition);
            let seen = found.map_or_else(|| Surveyed::default().seen(*retention), |it| it.seen(*retention));
            if let (false, Some(seen)) = (self.seen.contains_key(partition), seen) {
                self.seen.insert(*partition, seen);
            }
        }
        Ok(())
    }

    async fn look(
        &self,
        partition: Partition,
        retention: Retention,
        now_ms: i64,
        pass: &mut Pass,
    ) -> Result<Seen, Skip> {
        let (stored, view) = self.view(partition).await?;
        let mut start = view.log_start;
        // Bytes below the log start still count as the log's, and must not make anything above it too much.
        let removed = self.remove(partition, stored.removed_to, start, pass).await?;
        let mut policy = Policy::new(retention, now_ms, view.log_bytes.saturating_sub(removed));
        let mut removed_to = start;
        loop {
            let expired = self.judge(partition, start, view.high_watermark, &mut policy, retention).await?;
            if expired.start > start {
                start = self.raise(partition, expired.start).await?;
            }
            self.remove(partition, removed_to, start, pass).await?;
            removed_to = start;
            if !expired.more {
                return Ok(Seen {
                    retention,
                    expires_ms: expired.next_ms.unwrap_or(i64::MAX),
                    empty_at: expired.next_ms.is_none().then_some(view.high_watermark),
                    removed_to,
                });
            }
        }
    }

    /// The stored log start of a partition, and the partition as it is, without loading it for that.
    async fn view(&self, partition: Partition) -> Result<(LogStart, View), Skip> {
        let options = slatedb::config::ReadOptions::new().with_durability_filter(DurabilityLevel::Remote);
        let key = LogStart::key(partition);
        let row = self.incarnation.db.get_with_options(&key, &options).await.map_err(index)?;
        let stored = match row {
            Some(value) => LogStart::decode(&key, &value).map_err(PartitionError::from)?.1,
            None => LogStart::default(),
        };
        if let Some(view) = self.incarnation.view(partition) {
            return Ok((stored, view));
        }
        let loaded = loading::load(&self.incarnation.db, partition, i64::MAX).await?;
        let (log_start, high_watermark) = (loaded.start.offset, loaded.next_offset);
        Ok((stored, View { log_start, high_watermark, log_bytes: loaded.log_bytes() }))
    }

    /// Judges extents from `start` on.
    async fn judge(
        &self,
        partition: Partition,
        start: i64,
        end: i64,
        policy: &mut Policy,
        retention: Retention,
    ) -> Result<Expired, Skip> {
        let mut expired = Expired { start, next_ms: None, more: false };
        if start >= end {
            return Ok(expired);
        }
        let mut rows = self.scan(partition, start, end).await?;
        for _ in 0..JUDGED_AT_ONCE {
            let Some(row) = rows.next().await.map_err(index)? else { return Ok(expired) };
            let (_, extent) = Extent::decode(&row.key, &row.value).map_err(PartitionError::from)?;
            if !policy.takes(&extent) {
                expired.next_ms = Some(expires_ms(retention, &extent));
                return Ok(expired);
            }
            expired.start = extent.last_offset + 1;
        }
        expired.more = true;
        Ok(expired)
    }

    async fn raise(&self, partition: Partition, to: i64) -> Result<i64, Skip> {
        self.queue.raise_log_start(partition, to).map_err(skip)?.await.map_err(skip)
    }

    /// Removes the rows of all extents that end in `from..to`, where `to` is not above the durable log start. Returns
    /// the bytes of those extents.
    async fn remove(
        &self,
        partition: Partition,
        mut from: i64,
        to: i64,
        pass: &mut Pass,
    ) -> Result<u64, Skip> {
        let mut removed = 0;
        while from < to {
            let removal = self.removal(partition, from, to).await?;
            let (rows, bytes) = (removal.keys.len() as u64, removal.bytes);
            from = removal.to;
            if rows == 0 {
                continue;
            }
            self.queue.remove(partition, removal).map_err(skip)?.await.map_err(skip)?;
            self.handle.add_dead_bytes(bytes);
            pass.removed_rows += rows;
            pass.removed_bytes += bytes;
            removed += bytes;
        }
        Ok(removed)
    }

    async fn removal(&self, partition: Partition, from: i64, to: i64) -> Result<Removal, Skip> {
        let mut rows = self.scan(partition, from, to).await?;
        let mut removal = Removal { keys: Vec::new(), to, bytes: 0 };
        while let Some(row) = rows.next().await.map_err(index)? {
            let (_, extent) = Extent::decode(&row.key, &row.value).map_err(PartitionError::from)?;
            removal.keys.push(Bytes::copy_from_slice(&row.key));
            removal.bytes += u64::from(extent.length);
            if removal.keys.len() == REMOVED_PER_COMMIT {
                removal.to = extent.last_offset + 1;
                break;
            }
        }
        Ok(removal)
    }

    /// The durable extents that end in `from..to`.
    async fn scan(&self, partition: Partition, from: i64, to: i64) -> Result<slatedb::DbIterator, Skip> {
        let options = ScanOptions { durability_filter: DurabilityLevel::Remote, ..loading::scan_options() };
        let range = Extent::key(partition, from)..Extent::key(partition, to);
        Ok(self.incarnation.db.scan_with_options(range, &options).await.map_err(index)?)
    }
}

/// Why a look ended early.
enum Skip {
    ForNow,
    Pass(PassError),
}

fn skip(error: AppendError) -> Skip {
    match error {
        AppendError::UnknownPartition | AppendError::OffsetOutOfRange => Skip::ForNow,
        other => Skip::Pass(other.into()),
    }
}

impl From<PartitionError> for Skip {
    fn from(error: PartitionError) -> Skip {
        match error {
            PartitionError::Unknown(_) => Skip::ForNow,
            other => Skip::Pass(other.into()),
        }
    }
}

fn index(error: slatedb::Error) -> PartitionError {
    PartitionError::Index(std::sync::Arc::new(error))
}
