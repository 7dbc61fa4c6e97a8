//! One commit, laid out: offsets, payload, index rows and answers. No input, no output, no clock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::append::{Append, Appended, Permit};
use super::payload::{Location, PayloadBuilder};
use super::request::{Change, Completion, Row, Work};
use crate::log::partition::producers::{Sequenced, Verdict, keep_remembered};
use crate::log::partition::{PartitionState, Writer};
use crate::log::stored::error::AppendError;
use crate::log::stored::keys::{
    Extent, LeaderEpochStart, LogStart, Object, Offsets, PartitionSnapshot, ProducerEntry, ProducerRun,
    Served, flush_marker,
};
use crate::log::stored::segment::{self, Payload};
use crate::protocol::batch::{Batch, Header, TimestampType};
use crate::types::{LeaderEpoch, Partition};

/// Collects what goes into one commit.
pub struct Planner {
    now_ms: i64,
    appends: Vec<(Append, Completion<Appended>)>,
    changes: Vec<Change>,
}

/// A commit that is laid out.
#[derive(Default)]
pub struct Plan {
    /// True if the index is to be flushed with it.
    pub flush_index: bool,
    /// Batches that become visible once it is durable.
    pub published: Vec<Published>,
    /// Outcomes that are told then.
    pub outcomes: Vec<Outcome>,
    pub(super) rows: Vec<Row>,
    /// Positions count from the payload's start, and the object is not known yet.
    extents: Vec<(Partition, Extent)>,
    payload: PayloadBuilder,
}

/// The change of one partition that shows once the commit is durable.
pub struct Published {
    pub state: Arc<PartitionState>,
    pub high_watermark: i64,
    pub records: i64,
    pub bytes: u64,
    /// A leader epoch's first batch.
    pub epoch: Option<LeaderEpochStart>,
    pub log_start: Option<i64>,
    /// Of extents whose rows are removed.
    pub removed_bytes: u64,
    pub batches: Vec<Committed>,
}

/// A batch as it is stored.
pub struct Committed {
    pub base_offset: i64,
    pub last_offset: i64,
    pub place: Location,
}

/// An answer that waits for durability; the request's share of the memory budget goes with it.
pub enum Outcome {
    Append(Completion<Appended>, Result<Appended, AppendError>, Permit),
    LogStart(Completion<i64>, Result<i64, AppendError>),
    Producers(Completion<Vec<ProducerEntry>>, Result<Vec<ProducerEntry>, AppendError>),
    Done(Completion<()>),
}

impl Outcome {
    pub fn send(self) {
        // Whoever stopped waiting does not need to know.
        match self {
            Outcome::Append(answer, outcome, _permit) => drop(answer.send(outcome)),
            Outcome::LogStart(answer, outcome) => drop(answer.send(outcome)),
            Outcome::Producers(answer, outcome) => drop(answer.send(outcome)),
            Outcome::Done(answer) => drop(answer.send(Ok(()))),
        }
    }
}

impl Published {
    pub(super) fn nothing(state: &Arc<PartitionState>) -> Published {
        Published {
            state: Arc::clone(state),
            high_watermark: 0,
            records: 0,
            bytes: 0,
            epoch: None,
            log_start: None,
            removed_bytes: 0,
            batches: Vec::new(),
        }
    }

    /// Moves the partition's marks.
    pub fn show(&self) {
        if let Some(epoch) = self.epoch {
            self.state.show_epoch(epoch.epoch, epoch.start_offset);
        }
        self.state.advance(self.high_watermark, self.records.unsigned_abs(), self.bytes);
        if let Some(log_start) = self.log_start {
            self.state.raise_log_start(log_start);
        }
        self.state.shrink(self.removed_bytes);
    }
}

impl Planner {
    pub fn new(now_ms: i64) -> Planner {
        Planner { now_ms, appends: Vec::new(), changes: Vec::new() }
    }

    pub fn add(&mut self, work: Work) {
        match work {
            Work::Append(append, answer) => self.appends.push((append, answer)),
            Work::Change(change) => self.changes.push(change),
        }
    }

    /// Lays everything out, and changes `writers` to the state after it. Partitions that changed join `dirty`.
    pub fn lay_out(
        mut self,
        writers: &mut HashMap<Partition, Writer>,
        dirty: &mut VecDeque<Partition>,
    ) -> Plan {
        // Stable: inside a partition the order of arrival stays.
        self.appends.sort_by_key(|(append, _)| append.partition);
        let mut plan = Plan::default();
        plan.payload.reserve(self.appends.iter().map(|(append, _)| append.batch.payload.len()));
        plan.outcomes.reserve_exact(self.appends.len() + self.changes.len());
        let mut appends = self.appends.into_iter().peekable();
        while let Some(partition) = appends.peek().map(|(append, _)| append.partition) {
            let same = std::iter::from_fn(|| appends.next_if(|(append, _)| append.partition == partition));
            let Some(writer) = writers.get_mut(&partition) else {
                plan.refuse(same, AppendError::UnknownPartition);
                continue;
            };
            plan.partition(partition, writer, same, self.now_ms);
            if !writer.dirty && writer.next_offset > writer.state.high_watermark() {
                writer.dirty = true;
                dirty.push_back(partition);
            }
        }
        for change in self.changes {
            plan.change(change, writers);
        }
        plan
    }
}

impl Plan {
    pub fn has_rows(&self) -> bool {
        !self.rows.is_empty() || !self.extents.is_empty()
    }

    /// Gives it something to carry when the index is to be flushed and nothing else changed.
    pub fn mark_flush(&mut self) {
        let (key, value) = flush_marker();
        self.rows.push((key, Some(value)));
    }

    /// Rows that came before all others of this commit.
    pub fn keep(&mut self, rows: impl Iterator<Item = (Bytes, Bytes)>) {
        self.rows.splice(0..0, rows.map(|(key, value)| (key, Some(value))));
    }

    pub fn serve_under(&mut self, served: &Served) {
        self.rows.push((Served::key(), Some(served.value())));
    }

    pub fn snapshot(&mut self, partition: Partition, snapshot: &PartitionSnapshot) {
        self.rows.push((PartitionSnapshot::key(partition), Some(snapshot.value())));
    }

    /// The payload, and all rows, which point into segment `id`.
    pub fn encode(&mut self, id: u64) -> (Payload, Vec<Row>) {
        let plain = self.rows.iter().map(|(key, value)| (key.len(), value.as_ref().map_or(0, Bytes::len)));
        for (_, extent) in &mut self.extents {
            extent.object = Object::Log(id);
        }
        let extents = self.extents.iter().map(|(_, extent)| (Extent::KEY_LEN, extent.value_len()));
        let position = segment::payload_position(plain.chain(extents));
        let mut rows = std::mem::take(&mut self.rows);
        for (partition, mut extent) in std::mem::take(&mut self.extents) {
            extent.position += u32::try_from(position).unwrap_or(u32::MAX);
            rows.push((Extent::key(partition, extent.last_offset), Some(extent.value())));
        }
        let mut payload = std::mem::take(&mut self.payload).finish();
        payload.position = position;
        (payload, rows)
    }

    /// The appends of one partition, in order.
    fn partition(
        &mut self,
        partition: Partition,
        writer: &mut Writer,
        appends: impl Iterator<Item = (Append, Completion<Appended>)>,
        now_ms: i64,
    ) {
        let epoch = writer.state.leader_epoch().max(writer.epochs.latest().unwrap_or(LeaderEpoch(0)));
        let base_offset = writer.next_offset;
        let position = self.payload.len();
        let mut published = Published::nothing(&writer.state);
        let (mut producers, mut max_timestamp) = (Vec::new(), -1);
        for (Append { batch, permit, after_refusal, .. }, answer) in appends {
            let header = &batch.header;
            let outcome = match judge(writer, header, after_refusal) {
                Verdict::Refuse(error) => Err(error),
                Verdict::Duplicate(first) => Ok(appended(header, first.base_offset, first.timestamp, writer)),
                Verdict::Accept => {
                    let appended = appended(header, writer.next_offset, header.max_timestamp, writer);
                    max_timestamp = max_timestamp.max(header.max_timestamp);
                    if let Some(run) = run(header, writer.next_offset) {
                        writer.producers.accept(run, now_ms);
                        producers.push(run);
                    }
                    let committed = self.batch(batch, writer.next_offset, epoch);
                    writer.next_offset = committed.last_offset + 1;
                    published.batches.push(committed);
                    Ok(appended)
                }
            };
            self.outcomes.push(Outcome::Append(answer, outcome, permit));
        }
        if published.batches.is_empty() {
            return;
        }
        keep_remembered(&mut producers);
        published.high_watermark = writer.next_offset;
        published.records = writer.next_offset - base_offset;
        published.bytes = self.payload.len() - position;
        writer.appended_bytes += published.bytes;
        if writer.epochs.assign(epoch, base_offset) {
            let start = LeaderEpochStart { epoch, start_offset: base_offset };
            self.rows.push((LeaderEpochStart::key(partition, epoch), Some(start.value())));
            published.epoch = Some(start);
        }
        let extent = Extent {
            base_offset,
            last_offset: writer.next_offset - 1,
            object: Object::Log(0),
            offsets: Offsets::Written,
            position: u32::try_from(position).unwrap_or(u32::MAX),
            length: u32::try_from(published.bytes).unwrap_or(u32::MAX),
            leader_epoch: epoch,
            max_timestamp,
            appended_ms: now_ms,
            producers,
        };
        self.extents.push((partition, extent));
        self.published.push(published);
    }

    /// Adds a batch to the payload: its head anew, the rest as it came.
    fn batch(&mut self, mut batch: Batch, offset: i64, epoch: LeaderEpoch) -> Committed {
        batch.assign(offset, epoch.0);
        let place = self.payload.add(&batch);
        Committed { base_offset: offset, last_offset: batch.header.last_offset(), place }
    }

    fn change(&mut self, change: Change, writers: &mut HashMap<Partition, Writer>) {
        match change {
            Change::Rows(rows, answer) => {
                self.rows.extend(rows);
                self.outcomes.push(Outcome::Done(answer));
            }
            Change::LogStart(partition, offset, answer) => {
                let outcome = match writers.get_mut(&partition) {
                    Some(writer) => self.log_start(partition, offset, writer),
                    None => Err(AppendError::UnknownPartition),
                };
                self.outcomes.push(Outcome::LogStart(answer, outcome));
            }
            Change::Producers(partition, answer) => {
                let writer = writers.get(&partition).ok_or(AppendError::UnknownPartition);
                self.outcomes.push(Outcome::Producers(answer, writer.map(|w| w.producers.entries())));
            }
            Change::Remove(partition, removal, answer) => match writers.get_mut(&partition) {
                Some(writer) => self.remove(partition, writer, removal, answer),
                // It is forgotten; whoever asked may be gone too.
                None => drop(answer.send(Err(AppendError::UnknownPartition))),
            },
            Change::Forget(_, answer) => self.outcomes.push(Outcome::Done(answer)),
        }
    }

    fn log_start(
        &mut self,
        partition: Partition,
        offset: i64,
        writer: &mut Writer,
    ) -> Result<i64, AppendError> {
        // Records of this very commit are not durable yet, so no reader has seen them.
        if offset > writer.state.high_watermark() {
            return Err(AppendError::OffsetOutOfRange);
        }
        if offset > writer.start.offset {
            writer.start.offset = offset;
            self.rows.push((LogStart::key(partition), Some(writer.start.value())));
            for entry in writer.epochs.obsolete(offset) {
                self.rows.push((LeaderEpochStart::key(partition, entry.epoch), None));
            }
            writer.epochs.truncate_start(offset);
            let mut published = Published::nothing(&writer.state);
            published.log_start = Some(offset);
            self.published.push(published);
        }
        Ok(writer.start.offset)
    }

    fn refuse(&mut self, appends: impl Iterator<Item = (Append, Completion<Appended>)>, error: AppendError) {
        for (append, answer) in appends {
            self.outcomes.push(Outcome::Append(answer, Err(error), append.permit));
        }
    }
}

fn judge(writer: &Writer, header: &Header, after_refusal: bool) -> Verdict {
    if !header.is_idempotent() {
        return Verdict::Accept;
    }
    let batch = Sequenced {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        first_sequence: header.base_sequence,
        last_sequence: header.last_sequence(),
    };
    match after_refusal {
        true => writer.producers.judge_after_refusal(batch),
        false => writer.producers.judge(batch),
    }
}

fn run(header: &Header, base_offset: i64) -> Option<ProducerRun> {
    header.is_idempotent().then(|| ProducerRun {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        first_sequence: header.base_sequence,
        last_sequence: header.last_sequence(),
        base_offset,
        last_offset: base_offset + i64::from(header.last_offset_delta),
        timestamp: header.max_timestamp,
    })
}

fn appended(header: &Header, base_offset: i64, timestamp: i64, writer: &Writer) -> Appended {
    let log_append_time_ms = match header.timestamp_type() {
        TimestampType::LogAppendTime => timestamp,
        TimestampType::CreateTime => -1,
    };
    Appended { base_offset, log_append_time_ms, log_start_offset: writer.start.offset }
}
