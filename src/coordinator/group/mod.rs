//! Groups of members that share topics, as state machines.
//! It must never know time, sockets or storage: the clock is an argument; rows, timers and answers are data.
//! Entry points: [`classic`], [`consumer`], [`offsets`]; [`Group`] is one group with all that it holds.
//! Invariant: what a machine is told and what it decides is all that it depends on.

pub mod assignor;
pub mod classic;
pub mod consumer;
pub(super) mod machines;
mod members;
pub mod offsets;
pub(super) mod operations;
pub(super) mod settings;
mod timer;
pub(super) mod topics;
pub(super) mod world;

pub use machines::Group;
pub use members::{CommitRefusal, Committer, DeleteRefusal, Reader};
pub use operations::{Delete, Describe, Described, List, Listed, Watched};
pub use settings::{Classic, Consumer, Settings};
pub use topics::{Topic, TopicNames, Topics};
pub use world::{MetadataSource, World};
