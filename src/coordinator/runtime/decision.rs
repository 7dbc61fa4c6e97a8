//! Decisions, the outcome of questions and timers: the machine afterwards, rows to store, answers, timers.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::machine::{Machine, Row};
use super::timers::TimerChange;

/// All that a question or a timer leads to. Nothing of it has happened yet.
pub struct Decision<M: Machine, R = ()> {
    /// The machine with all rows applied; `None` if it stays as it is.
    pub next: Option<M>,
    /// The decision of the machine that goes on instead, with all that this one led to in it.
    pub heir: Option<Box<Decision<M::Heir>>>,
    /// Rows to store: all of them, or none.
    pub rows: Vec<M::Row>,
    /// Answers to those who waited. Like all answers they leave once everything unsaved of the machine is durable.
    pub replies: Vec<M::Reply>,
    pub timers: Vec<TimerChange<M::Timer>>,
    /// The answer to the question.
    pub reply: R,
}

impl<M: Machine, R> Decision<M, R> {
    /// A decision that changes nothing.
    pub fn unchanged(reply: R) -> Decision<M, R> {
        Decision { next: None, heir: None, rows: Vec::new(), replies: Vec::new(), timers: Vec::new(), reply }
    }

    /// The same with another answer.
    pub fn map<S>(self, answer: impl FnOnce(R) -> S) -> Decision<M, S> {
        let Decision { next, heir, rows, replies, timers, reply } = self;
        Decision { next, heir, rows, replies, timers, reply: answer(reply) }
    }

    /// The same as a decision of the whole that holds the machine.
    pub fn within<W: Holds<M> + Holds<M::Heir>>(self, whole: &W) -> Decision<W, R> {
        match self.heir {
            Some(heir) => lift(*heir, whole).map(|()| self.reply),
            None => lift(self, whole),
        }
    }
}

fn lift<M: Machine, W: Holds<M>, R>(decision: Decision<M, R>, whole: &W) -> Decision<W, R> {
    let mut lifted = Decision::unchanged(decision.reply);
    if let Some(part) = decision.next {
        let mut next = whole.clone();
        let displaced = next.put(part);
        (lifted.rows, lifted.timers) = (displaced.rows, displaced.timers);
        lifted.next = Some(next);
    }
    lifted.rows.extend(decision.rows.into_iter().map(W::row));
    lifted.timers.extend(decision.timers);
    lifted.replies.extend(decision.replies.into_iter().map(W::reply));
    lifted
}

/// A machine that another is a part of.
pub trait Holds<M: Machine>: Machine<World = M::World, Timer = M::Timer> {
    fn part(&self) -> Option<&M>;

    /// Puts the part in its place, and gives what takes the one out that it displaces.
    fn put(&mut self, part: M) -> Decision<Self>;

    fn row(row: M::Row) -> Self::Row;

    fn reply(reply: M::Reply) -> Self::Reply;
}

/// A decision in the making: the machine with every row applied as soon as it is decided on.
pub struct Draft<M: Machine, W> {
    pub world: W,
    pub next: M,
    pub heir: Option<Box<Decision<M::Heir>>>,
    rows: BTreeMap<Bytes, M::Row>,
    replies: Vec<M::Reply>,
    timers: Vec<TimerChange<M::Timer>>,
}

impl<M: Machine, W> Draft<M, W> {
    pub fn of(machine: &M, world: W) -> Draft<M, W> {
        let next = machine.clone();
        Draft { world, next, heir: None, rows: BTreeMap::new(), replies: Vec::new(), timers: Vec::new() }
    }

    /// All that was drafted, with the answer.
    pub fn decided<R>(self, reply: R) -> Decision<M, R> {
        Decision {
            next: Some(self.next),
            heir: self.heir,
            rows: self.rows.into_values().collect(),
            replies: self.replies,
            timers: self.timers,
            reply,
        }
    }

    /// Timers alone, of a machine that stays as it is.
    pub fn unchanged<R>(self, reply: R) -> Decision<M, R> {
        Decision { timers: self.timers, ..Decision::unchanged(reply) }
    }

    pub fn record(&mut self, row: M::Row) {
        self.next.apply(&row);
        self.rows.insert(row.key(""), row);
    }

    /// True if no row takes more bytes than that.
    pub fn fits(&self, max_bytes: usize) -> bool {
        self.rows.values().filter_map(Row::value).all(|value| value.len() <= max_bytes)
    }

    pub fn reply(&mut self, reply: M::Reply) {
        self.replies.push(reply);
    }

    pub fn set(&mut self, timer: M::Timer, after_ms: i32) {
        self.timers.push(TimerChange::Set { timer, after_ms });
    }

    pub fn cancel(&mut self, timer: M::Timer) {
        self.timers.push(TimerChange::Cancel(timer));
    }
}
