//! Requests to a cluster of three brokers, whose metadata and shards are real and lie in memory.
//! They know no sockets, and no controller: a test says itself who owns what.
//! Entry point: [`support::Cluster`].
//! Invariant: a handler is asked as the dispatcher asks it, its admission first.

mod admin;
mod groups;
mod moving;
mod opening;
mod seen;
mod support;
mod users;
