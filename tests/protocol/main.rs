//! The wire language against Kafka's own definitions and classes, against bytes kept in the tree, and against bad bytes.

// Tests read the environment and run other programs.
#![allow(clippy::disallowed_methods)]

mod batches;
mod catalog;
mod definitions;
mod golden;
mod hostile;
mod json;
mod kafka;
#[allow(unsafe_code, reason = "an allocator that counts")]
mod memory;
#[path = "../compare/odd.rs"]
mod odd;
mod values;
mod wire;
