//! Groups of members that share topics, as state machines.
//! It must never know time, sockets or storage: the clock is an argument; rows, timers and answers are data.
//! Entry points: [`classic`], [`consumer`], [`offsets`].
//! Invariant: what a machine is told and what it decides is all that it depends on.

pub mod classic;
pub mod consumer;
mod fields;
mod members;
pub mod offsets;

pub use fields::Malformed;
pub use members::{Committer, Expiry, Kind, Members, Reader};
