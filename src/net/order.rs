//! The unanswered requests of one connection, in order: when the next may be admitted, and which answers may leave.
//! Pure but for polling promises; time comes in as an argument.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::limits::Limits;
use super::service::{Admission, Answer, CloseReason, Permit, Promise};
use crate::runtime::clock::Instant;

/// Depths are averaged in this many parts of a request.
const DEPTH_UNIT: usize = 16;

/// The turn of a request that wants in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    /// Ask again after something was answered.
    AfterAnswers,
    /// Ask again at this time.
    At(Instant),
}

/// Unanswered requests. A request is answered when its answer has been written, or has nothing to write.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// Admitted, and the answer not yet given to the writer; oldest first.
    slots: VecDeque<Slot>,
    /// The number of the oldest slot; they are counted from the connection's beginning.
    first: u64,
    /// The promises of the slots that wait. Only those that were woken are polled: there may be hundreds, and each request
    /// and each answer asks for all of them.
    promises: FuturesUnordered<Waiting>,
    /// Admitted and not answered; the slots, and what the writer has.
    unanswered: usize,
    /// The most that were unanswered since there was none.
    depth: usize,
    /// The same of earlier such times, the latest counting most; in sixteenths of a request.
    usual_depth: usize,
    /// Bytes of the requests without an answer and of the answers that are not written.
    bytes: usize,
    /// The newest unanswered request lets nothing follow.
    alone: bool,
    /// Answers that are there, are not written, and will mute the connection.
    muting: usize,
    muted_until: Option<Instant>,
    /// Nothing more will be admitted.
    finished: bool,
    writer: Option<Waker>,
}

#[derive(Debug)]
struct Slot {
    /// None while its promise waits.
    answer: Option<Answer>,
    bytes: usize,
}

/// The promise of a slot. Finished or dropped, it gives the request's share of memory back.
#[derive(Debug)]
struct Waiting {
    slot: u64,
    promise: Promise,
    _permit: Permit,
}

impl Future for Waiting {
    type Output = (u64, Answer);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(u64, Answer)> {
        let answer = ready!(Pin::new(&mut self.promise).poll(cx));
        Poll::Ready((self.slot, answer))
    }
}

/// Answers that leave together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub answers: Vec<Answer>,
    bytes: usize,
}

impl InFlight {
    /// True if another frame may be read.
    pub fn has_room(&self, limits: &Limits) -> bool {
        self.unanswered == 0
            || (self.unanswered < limits.connection_requests && self.bytes < limits.connection_bytes)
    }

    /// True if its client usually has more requests unanswered than there will be with the next.
    pub fn expects_more(&self) -> bool {
        (self.unanswered + 1) * DEPTH_UNIT < self.usual_depth.max(self.depth * DEPTH_UNIT / 2)
    }

    pub fn is_empty(&self) -> bool {
        self.unanswered == 0
    }

    /// True if a request of this class may be admitted now.
    pub fn turn(&self, class: Admission, now: Instant) -> Turn {
        if self.muting > 0 {
            return Turn::AfterAnswers;
        }
        let follows = match class {
            Admission::Pipelined => !self.alone,
            Admission::AfterAnswers | Admission::Alone => self.unanswered == 0,
        };
        match self.muted_until {
            _ if !follows => Turn::AfterAnswers,
            Some(until) if until > now => Turn::At(until),
            _ => Turn::Now,
        }
    }

    /// A request was admitted.
    pub fn push(&mut self, class: Admission, promise: Promise, request_bytes: usize, permit: Permit) {
        self.alone = class == Admission::Alone;
        self.unanswered += 1;
        self.depth = self.depth.max(self.unanswered);
        self.bytes += request_bytes;
        let slot = self.first + self.slots.len() as u64;
        self.slots.push_back(Slot { answer: None, bytes: request_bytes });
        self.promises.push(Waiting { slot, promise, _permit: permit });
        self.wake_writer();
    }

    /// Nothing more will be pushed.
    pub fn finish(&mut self) {
        self.finished = true;
        self.wake_writer();
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }

    /// Polls the promises that were woken, also those whose turn has not come: the first reason to close among them counts
    /// from now on.
    pub fn poll_promises(&mut self, cx: &mut Context<'_>) -> Option<CloseReason> {
        let mut close = None;
        while let Poll::Ready(Some((number, answer))) = self.promises.poll_next_unpin(cx) {
            close = close.or(answer.close);
            self.muting += usize::from(!answer.mute.is_zero());
            let index = usize::try_from(number - self.first).ok();
            let Some(slot) = index.and_then(|index| self.slots.get_mut(index)) else { continue };
            let bytes = answer.bytes();
            self.bytes = self.bytes - slot.bytes + bytes;
            slot.bytes = bytes;
            slot.answer = Some(answer);
        }
        close
    }

    /// The answers whose turn it is, at least one and not many more than `limit_bytes`. None when there will be none.
    pub fn poll_answers(&mut self, cx: &mut Context<'_>, limit_bytes: usize) -> Poll<Option<Batch>> {
        let mut batch = Batch::default();
        while batch.bytes <= limit_bytes {
            let Some(slot) = self.slots.front_mut() else { break };
            let Some(answer) = slot.answer.take() else { break };
            batch.bytes += slot.bytes;
            batch.answers.push(answer);
            self.slots.pop_front();
            self.first += 1;
        }
        if !batch.answers.is_empty() {
            return Poll::Ready(Some(batch));
        }
        if self.finished && self.slots.is_empty() {
            return Poll::Ready(None);
        }
        self.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The answers of a batch were written.
    pub fn answered(&mut self, batch: &Batch, now: Instant) {
        self.unanswered -= batch.answers.len();
        self.bytes -= batch.bytes;
        for answer in batch.answers.iter().filter(|answer| !answer.mute.is_zero()) {
            self.muting -= 1;
            self.muted_until = self.muted_until.max(Some(now + answer.mute));
        }
        if self.unanswered == 0 {
            self.alone = false;
            self.usual_depth = (self.usual_depth * 3 + std::mem::take(&mut self.depth) * DEPTH_UNIT) / 4;
        }
    }
}
