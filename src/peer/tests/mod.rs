//! Brokers that know each other, that do not, and strangers; in memory, and a few over TCP.
//! They know nothing of what is asked and answered.
//! Entry point: `support.rs`, which connects networks in memory.
//! Invariant: no test waits for the real clock but those over TCP.

mod bucket;
mod calls;
mod certificates;
mod dishonest;
mod metrics;
mod proofs;
mod strangers;
mod support;
mod tcp;
