//! Removal, which makes a shard smaller: removing rows below a log start, and letting go of partitions that nobody uses.

use super::CommitTask;
use super::plan::{Outcome, Plan, Published};
use super::request::{Completion, Removal};
use crate::log::partition::Writer;
use crate::log::stored::keys::{LogStart, PartitionSnapshot};
use crate::types::Partition;

impl Plan {
    /// Removes rows, and in the same batch counts them as removed.
    pub(super) fn remove(
        &mut self,
        partition: Partition,
        writer: &mut Writer,
        removal: Removal,
        answer: Completion<()>,
    ) {
        let rows = removal.keys.into_iter().map(|key| (key, None));
        self.rows.extend(rows);
        writer.start.removed_to = writer.start.removed_to.max(removal.to).min(writer.start.offset);
        writer.start.removed_bytes += removal.bytes;
        self.rows.push((LogStart::key(partition), Some(writer.start.value())));
        if removal.to > writer.snapshot_offset {
            // Loading reads from the snapshot on: what it would have learned from these rows must be in there.
            self.rows.push((PartitionSnapshot::key(partition), Some(writer.snapshot(i64::MIN).value())));
        }
        let mut published = Published::nothing(&writer.state);
        published.removed_bytes = removal.bytes;
        self.published.push(published);
        self.outcomes.push(Outcome::Done(answer));
    }
}

impl CommitTask {
    /// Lets go of those partitions that nothing is under way for and nobody holds.
    pub(super) fn unload(&mut self, partitions: Vec<Partition>) {
        for partition in partitions {
            if self.writers.get(&partition).is_some_and(|writer| !writer.dirty)
                && self.incarnation.unload(partition)
                && let Some(writer) = self.writers.remove(&partition)
            {
                self.metrics.high_watermark.sub(writer.next_offset);
            }
        }
    }
}
