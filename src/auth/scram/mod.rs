//! SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677), the server's side.
//! It must never see a password: a client proves that it has one, against keys that were derived from it.
//! Entry point: [`Exchange`], for one login.
//! Invariant: a name that nobody has is asked through to the proof, with as much work as one that somebody has.

mod exchange;
mod keys;
mod made_up;
mod message;
#[cfg(test)]
mod tests;

pub(super) use exchange::Exchange;
pub use keys::{LEAST_ITERATIONS, MOST_ITERATIONS};
pub(super) use keys::{derive, password_key};
pub(super) use made_up::MadeUp;
