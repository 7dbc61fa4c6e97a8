//! Stored bytes of a shard, with all that everybody who touches them needs: fields, keys, segments, paths; errors, limits,
//! metrics.
//! It knows no partition's state, no task and no queue: bytes in, values out.
//! Entry point: [`keys`] for the rows of the index, [`segment`] for the objects of the log.
//! Invariant: what was ever written is read, and what is no such thing is an error that says so.

pub mod all_rows;
pub mod damage;
pub mod error;
pub mod fields;
pub mod keys;
pub mod limits;
pub mod metrics;
pub mod paths;
pub mod segment;
