//! Flushes of the index: when they are due, and the rows that go with the next segment besides.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::CommitTask;
use super::plan::Plan;
use crate::log::stored::keys::Served;
use crate::log::stored::limits::Limits;
use crate::runtime::clock::Instant;
use crate::types::Partition;

/// Partitions whose snapshots go into one commit at most; the others follow in the next ones.
const SNAPSHOTS_PER_COMMIT: usize = 1024;

/// When the index is flushed next, and what else the next segment is to carry.
#[derive(Default)]
pub(super) struct Flushing {
    /// Partitions that changed since their snapshots.
    pub dirty: VecDeque<Partition>,
    pub segments: u64,
    /// When the first of those segments was written.
    pub since: Option<Instant>,
    /// The flush was due with nothing to write: it goes with the next commit.
    pub overdue: bool,
    /// The metadata that was written last as that which the shard serves under.
    pub served: Option<Arc<Served>>,
    /// Rows that have waited for a segment to go with.
    pub kept: Vec<(Bytes, Bytes)>,
}

impl Flushing {
    /// From when on a flush is due, if there is anything to flush.
    pub fn due(&self, limits: &Limits, now: Instant) -> Option<Instant> {
        match self.segments >= limits.flush_every_segments {
            true => Some(now),
            false => self.since.map(|since| since + limits.flush_interval),
        }
    }

    /// True if there is anything to flush.
    pub fn is_wanted(&self) -> bool {
        self.since.is_some() || !self.dirty.is_empty()
    }
}

impl CommitTask {
    /// Adds snapshots, if the index is to be flushed: so that what follows the flush is all that a loading must read.
    pub(super) fn plan_flush(&mut self, plan: &mut Plan) {
        let now = self.runtime.clock.instant();
        if plan.has_rows() {
            self.flushing.segments += 1;
            self.flushing.since.get_or_insert(now);
        }
        let closing = self.closing && self.backlog.is_empty();
        if !closing
            && !self.flushing.overdue
            && self.flushing.due(&self.limits, now).is_none_or(|due| now < due)
        {
            return;
        }
        let expired_before = self.incarnation.expired_before();
        for _ in 0..SNAPSHOTS_PER_COMMIT {
            let Some(partition) = self.flushing.dirty.pop_front() else { break };
            if let Some(writer) = self.writers.get_mut(&partition) {
                plan.snapshot(partition, &writer.snapshot(expired_before));
            }
        }
        if self.flushing.dirty.is_empty() {
            // An idle shard has nothing to add, and its last segments are to be in the index all the same.
            if self.flushing.since.is_some() && !plan.has_rows() {
                plan.mark_flush();
            }
            self.flushing.segments = 0;
            self.flushing.since = None;
            plan.flush_index = plan.has_rows();
            self.flushing.overdue = !plan.flush_index;
        }
    }

    /// Adds the metadata that the shard serves under, if that is news. An idle shard has nothing that would need it.
    pub(super) fn plan_served(&mut self, plan: &mut Plan) {
        if !plan.has_rows() {
            return;
        }
        if !self.flushing.kept.is_empty() {
            plan.keep(self.flushing.kept.drain(..));
        }
        let served = self.incarnation.settings.served();
        let is_known = match (&served, &self.flushing.served) {
            (Some(served), Some(known)) => Arc::ptr_eq(served, known),
            (None, _) => true,
            (Some(_), None) => false,
        };
        if let Some(served) = served.filter(|_| !is_known) {
            plan.serve_under(&served);
            self.flushing.served = Some(served);
        }
    }
}
