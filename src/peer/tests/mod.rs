//! Brokers that know each other, that do not, and strangers; in memory, and a few over TCP.
//! They know nothing of what is asked and answered.
//! Entry point: `support.rs`, which connects networks in memory.
//! Invariant: no test waits for the real clock but those over TCP.

mod calls;
mod proofs;
mod support;
