//! Machines, their rows and their questions, as the runtime knows them.

use std::fmt::Debug;
use std::hash::Hash;

use bytes::Bytes;

use super::askers::{Asker, Reply};
use super::decision::Decision;
use super::error::LoadError;
use crate::log::keys::Tag;

/// A state machine: all that is coordinated under one key, as it is after every decision so far. A clone costs little:
/// what is large is shared.
pub trait Machine: Clone + Default + Send + 'static {
    type Row: Row;
    type Timer: Clone + Debug + PartialEq + Eq + Hash + Send;
    /// Answers to those who wait.
    type Reply: Reply;
    /// All that a decision depends on besides the machine and the question.
    type World;
    /// The machine that may go on in this one's place by a decision of this one; itself if there is none.
    type Heir: Machine<World = Self::World, Timer = Self::Timer, Heir = Self::Heir>;

    /// Changes the machine by a row: one that was just decided on, or one that is loaded.
    fn apply(&mut self, row: &Self::Row);

    /// True if there is anything to keep.
    fn exists(&self) -> bool {
        true
    }

    /// Decides what a machine does that has just been loaded.
    fn begin(&self, _world: &Self::World) -> Decision<Self> {
        Decision::unchanged(())
    }

    /// Decides what happens when a timer runs out.
    fn expire(&self, _timer: &Self::Timer, _world: &Self::World) -> Decision<Self> {
        Decision::unchanged(())
    }

    /// The full time of a timer, for one that begins anew.
    fn full_time_ms(&self, _timer: &Self::Timer, _world: &Self::World) -> i32 {
        0
    }

    /// The rows and timers with which the machine goes.
    fn forget(&self) -> Decision<Self>;
}

/// A part of a machine as it is stored: a value, or that there is none any more.
pub trait Row: Sized + Send {
    /// The kinds of rows that a machine consists of, in the order they are applied when it is loaded.
    const TAGS: &'static [Tag];

    /// The key, which says whose row it is.
    fn key(&self, id: &str) -> Bytes;

    fn value(&self) -> Option<Bytes>;

    /// Reads a stored row back, with the id of its machine.
    fn decode(tag: Tag, key: &[u8], value: Bytes) -> Result<(String, Self), LoadError>;
}

/// The decision on a question.
pub type Decided<M, Q> = Decision<M, Option<<Q as Question<M>>::Reply>>;

/// Something that a machine is asked, by a client or an operator.
pub trait Question<M: Machine>: Sized {
    type Reply: Send + 'static;

    /// Decides with the answer, or without one where the machine has kept who asked.
    fn decide(self, machine: &M, asker: Asker<Self::Reply>, world: &M::World) -> Decided<M, Self>;
}
