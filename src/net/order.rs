//! The unanswered requests of one connection, in order: when the next may be admitted, and which answers may leave.
//! Pure but for polling tickets; time comes in as an argument.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::limits::Limits;
use super::service::{Admission, Answer, CloseReason, Permit, Ticket};
use crate::runtime::clock::Instant;

/// What the rule says about a request that wants in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Admit,
    /// Ask again after something was answered.
    WaitForAnswers,
    /// Ask again at this time.
    WaitUntil(Instant),
}

/// Unanswered requests. A request is answered when its answer has been written, or has nothing to write.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// Admitted, and the answer not yet given to the writer; oldest first.
    slots: VecDeque<Slot>,
    /// Admitted and not answered; the slots, and what the writer has.
    unanswered: usize,
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
    state: State,
    bytes: usize,
}

#[derive(Debug)]
enum State {
    Waiting { ticket: Ticket, _permit: Permit },
    Done(Answer),
}

/// Answers that leave together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub answers: Vec<Answer>,
    bytes: usize,
}

impl InFlight {
    /// Whether another frame may be read.
    pub fn has_room(&self, limits: &Limits) -> bool {
        self.unanswered == 0
            || (self.unanswered < limits.connection_requests && self.bytes < limits.connection_bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.unanswered == 0
    }

    /// Whether a request of this class may be admitted now.
    pub fn verdict(&self, class: Admission, now: Instant) -> Verdict {
        if self.muting > 0 {
            return Verdict::WaitForAnswers;
        }
        let follows = match class {
            Admission::Pipelined => !self.alone,
            Admission::AfterAnswers | Admission::Alone => self.unanswered == 0,
        };
        match self.muted_until {
            _ if !follows => Verdict::WaitForAnswers,
            Some(until) if until > now => Verdict::WaitUntil(until),
            _ => Verdict::Admit,
        }
    }

    /// A request was admitted.
    pub fn push(&mut self, class: Admission, ticket: Ticket, request_bytes: usize, permit: Permit) {
        self.alone = class == Admission::Alone;
        self.unanswered += 1;
        self.bytes += request_bytes;
        self.slots
            .push_back(Slot { state: State::Waiting { ticket, _permit: permit }, bytes: request_bytes });
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

    /// Polls every ticket, also those whose turn has not come: the first reason to close among them counts from now on.
    pub fn poll_tickets(&mut self, cx: &mut Context<'_>) -> Option<CloseReason> {
        let mut close = None;
        for slot in &mut self.slots {
            let State::Waiting { ticket, .. } = &mut slot.state else { continue };
            if let Poll::Ready(answer) = Pin::new(ticket).poll(cx) {
                close = close.or(answer.close);
                self.muting += usize::from(!answer.mute.is_zero());
                let bytes = answer.bytes();
                self.bytes = self.bytes - slot.bytes + bytes;
                slot.bytes = bytes;
                // Drops the ticket and the request's share of memory.
                slot.state = State::Done(answer);
            }
        }
        close
    }

    /// The answers whose turn it is, at least one and not many more than `limit_bytes`. None when there will be none.
    pub fn poll_answers(&mut self, cx: &mut Context<'_>, limit_bytes: usize) -> Poll<Option<Batch>> {
        let mut batch = Batch::default();
        while batch.bytes <= limit_bytes {
            match self.slots.pop_front() {
                Some(Slot { state: State::Done(answer), bytes }) => {
                    batch.bytes += bytes;
                    batch.answers.push(answer);
                }
                Some(waiting) => {
                    self.slots.push_front(waiting);
                    break;
                }
                None => break,
            }
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
        }
    }
}
