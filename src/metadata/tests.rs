//! The whole of it on a store in memory: proposals, restarts, grouping, two processes at once, three brokers.

mod alone;
mod cluster;
mod elections;
mod faults;
mod levels;
mod members;
pub mod support;
mod users;
