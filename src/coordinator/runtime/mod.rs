//! The runtime of machines: it carries decisions out, parks answers, lets timers run out, and loads rows.
//! It must never know which machines there are, nor what their questions, rows and timers mean.
//! Entry points: [`Machine`] is what it runs, [`Question`] what it is asked, [`Coordinator`] one shard's machines.
//! Invariant: a decision changes nothing; what it leads to is applied at once, and told once it is durable.

mod askers;
mod coordinator;
mod decision;
mod error;
mod machine;
mod parking;
mod timers;

pub use askers::{Asker, Reply, Waiting};
pub use coordinator::Coordinator;
pub use decision::{Decision, Draft, Holds};
pub use error::{Gone, LoadError, Malformed};
pub use machine::{Decided, Machine, Question, Row};
pub use parking::Notice;
pub use timers::TimerChange;
