//! Requests to the commit task of a shard, and the queue that they come through.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::append::{Append, Appended, Ticket};
use crate::log::stored::error::{AppendError, NotOpen};
use crate::log::stored::keys::ProducerEntry;
use crate::types::Partition;

/// A row to be written: a value, or a deletion.
pub type Row = (Bytes, Option<Bytes>);

/// The sender of one outcome. Dropped unused, it says that the incarnation ended.
pub type Completion<T> = oneshot::Sender<Result<T, AppendError>>;

/// A request to the commit task.
pub enum Request {
    Work(Work),
    Control(Control),
}

/// Work: it waits its turn, goes into a commit, and is answered when that is durable.
pub enum Work {
    Append(Append, Completion<Appended>),
    Change(Change),
}

/// Work other than an append.
pub enum Change {
    /// Rows of others than partitions' logs, all or none.
    Rows(Vec<Row>, Completion<()>),
    /// Makes an offset the log start, unless it is further already.
    LogStart(Partition, i64, Completion<i64>),
    /// The producers of a partition, as they are once everything before is durable.
    Producers(Partition, Completion<Vec<ProducerEntry>>),
    /// Removes extent rows below the partition's log start.
    Remove(Partition, Removal, Completion<()>),
    /// Forgets a deleted partition: answered once nothing of it is on its way.
    Forget(Partition, Completion<()>),
}

/// Extent rows of one partition, all there are below an offset that is not above its durable log start.
#[derive(Debug)]
pub struct Removal {
    pub keys: Vec<Bytes>,
    /// No other row ends below this offset.
    pub to: i64,
    /// Of their extents.
    pub bytes: u64,
}

/// Control of the task itself: obeyed as soon as it is received.
pub enum Control {
    /// A row that goes with the next segment, within the time after which the index is flushed.
    Keep(Bytes, Bytes),
    /// Flushes the index with the next segment.
    FlushIndex(Completion<()>),
    /// Lets go of partitions that nobody uses.
    Unload(Vec<Partition>),
    /// Ends the task once everything that came before is committed, and the index is prepared for closing.
    Close,
}

impl Work {
    /// The partition whose state it needs.
    pub(super) fn needs(&self) -> Option<Partition> {
        match self {
            Work::Append(append, _) => Some(append.partition),
            Work::Change(
                Change::LogStart(partition, ..)
                | Change::Producers(partition, _)
                | Change::Remove(partition, ..),
            ) => Some(*partition),
            Work::Change(Change::Rows(..) | Change::Forget(..)) => None,
        }
    }

    /// Bytes that it counts for in the queue and in a segment.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Work::Append(append, _) => append.batch.len(),
            Work::Change(Change::Rows(rows, _)) => {
                rows.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Bytes::len)).sum()
            }
            Work::Change(Change::Remove(_, removal, _)) => removal.keys.iter().map(Bytes::len).sum(),
            Work::Change(Change::LogStart(..) | Change::Producers(..) | Change::Forget(..)) => 0,
        }
    }

    /// Answers that nothing came of it. Whoever stopped waiting does not need to know.
    pub(super) fn refuse(self, error: AppendError) {
        match self {
            Work::Append(_, answer) => drop(answer.send(Err(error))),
            Work::Change(Change::LogStart(_, _, answer)) => drop(answer.send(Err(error))),
            Work::Change(Change::Producers(_, answer)) => drop(answer.send(Err(error))),
            Work::Change(
                Change::Rows(_, answer) | Change::Remove(_, _, answer) | Change::Forget(_, answer),
            ) => drop(answer.send(Err(error))),
        }
    }
}

/// The way to the commit task of one incarnation. Never blocks; cheap to clone.
#[derive(Clone)]
pub struct Queue {
    requests: mpsc::UnboundedSender<Request>,
}

impl Queue {
    pub fn new() -> (Queue, mpsc::UnboundedReceiver<Request>) {
        let (requests, receiver) = mpsc::unbounded_channel();
        (Queue { requests }, receiver)
    }

    pub fn append(&self, append: Append) -> Result<Ticket<Appended>, AppendError> {
        self.work(|answer| Work::Append(append, answer))
    }

    pub fn write_rows(&self, rows: Vec<Row>) -> Result<Ticket<()>, AppendError> {
        self.work(|answer| Work::Change(Change::Rows(rows, answer)))
    }

    pub fn raise_log_start(&self, partition: Partition, to: i64) -> Result<Ticket<i64>, AppendError> {
        self.work(|answer| Work::Change(Change::LogStart(partition, to, answer)))
    }

    pub fn producers(&self, partition: Partition) -> Result<Ticket<Vec<ProducerEntry>>, AppendError> {
        self.work(|answer| Work::Change(Change::Producers(partition, answer)))
    }

    pub fn remove(&self, partition: Partition, removal: Removal) -> Result<Ticket<()>, AppendError> {
        self.work(|answer| Work::Change(Change::Remove(partition, removal, answer)))
    }

    pub fn forget(&self, partition: Partition) -> Result<Ticket<()>, AppendError> {
        self.work(|answer| Work::Change(Change::Forget(partition, answer)))
    }

    pub fn flush_index(&self) -> Result<Ticket<()>, AppendError> {
        let (answer, ticket) = Ticket::pair();
        self.control(Control::FlushIndex(answer))?;
        Ok(ticket)
    }

    pub fn control(&self, control: Control) -> Result<(), AppendError> {
        self.send(Request::Control(control))
    }

    fn work<T>(&self, work: impl FnOnce(Completion<T>) -> Work) -> Result<Ticket<T>, AppendError> {
        let (answer, ticket) = Ticket::pair();
        self.send(Request::Work(work(answer)))?;
        Ok(ticket)
    }

    fn send(&self, request: Request) -> Result<(), AppendError> {
        self.requests.send(request).map_err(|_| AppendError::NotOpen(NotOpen))
    }
}
