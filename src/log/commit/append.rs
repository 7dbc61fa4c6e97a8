//! An append, which a producer's request asks of a shard, and its outcome.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::log::stored::error::AppendError;
use crate::protocol::batch::Batch;
use crate::types::Partition;

/// One validated record batch for one partition.
#[derive(Debug)]
pub struct Append {
    pub partition: Partition,
    pub batch: Batch,
    /// The request's share of the memory budget, held until the batch is durable or refused.
    pub permit: Permit,
    /// Set if another is probably on its way from the same producer, which does not wait for this one's answer.
    pub more_to_come: bool,
    /// Set if a batch of the same connection was refused a moment ago for a reason that has passed. Its producer sends that again, so
    /// one that would leave a gap is refused for the same reason, and so is one that does not begin where its producer is unknown.
    pub after_refusal: bool,
}

/// The offset of an appended batch, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the batch's first record; for a duplicate, that of the original.
    pub base_offset: i64,
    /// The timestamp of all records if the broker sets it, in milliseconds since the Unix epoch, or -1 if the
    /// producer does.
    pub log_append_time_ms: i64,
    /// First offset of the partition that can be read.
    pub log_start_offset: i64,
}

/// Something that is kept for as long as a request occupies memory: a share of the caller's budget. The log only holds
/// it and lets it go. Clones are one share.
#[derive(Clone, Debug, Default)]
pub struct Permit(#[expect(dead_code, reason = "held for its drop")] Option<Arc<dyn Held>>);

/// Whatever may be held.
trait Held: Any + Send + Sync + std::fmt::Debug {}
impl<T: Any + Send + Sync + std::fmt::Debug> Held for T {}

impl Permit {
    pub fn new(held: impl Send + Sync + std::fmt::Debug + 'static) -> Permit {
        Permit(Some(Arc::new(held)))
    }

    /// For what is not counted.
    pub fn none() -> Permit {
        Permit(None)
    }
}

/// The pending outcome of something that a shard took. Resolves once the outcome is durable, or known to be unknown.
/// Dropping it does not take the request back.
#[derive(Debug)]
#[must_use = "the outcome comes through the ticket"]
pub struct Ticket<T>(oneshot::Receiver<Result<T, AppendError>>);

impl<T> Ticket<T> {
    /// The ticket, and what resolves it. Dropped unused, it resolves to [`AppendError::IncarnationEnded`].
    pub(super) fn pair() -> (oneshot::Sender<Result<T, AppendError>>, Ticket<T>) {
        let (sender, receiver) = oneshot::channel();
        (sender, Ticket(receiver))
    }
}

impl<T> Future for Ticket<T> {
    type Output = Result<T, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|outcome| outcome.unwrap_or(Err(AppendError::IncarnationEnded)))
    }
}
