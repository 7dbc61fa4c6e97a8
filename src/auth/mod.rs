//! Authentication: principals, and the SASL mechanisms by which a client proves that it is one.
//! It must never know a socket, a Kafka frame or the metadata: tokens go in, challenges and verdicts come out.
//! Entry point: [`Mechanism`] names a way to log in, and a [`Step`] is what comes of a token of the client.
//! Invariant: a client is told one sentence for every reason of a mechanism, and no secret is ever printed.

mod mechanism;
mod principal;
mod step;

pub use mechanism::{Mechanism, UnknownMechanism};
pub use principal::{BadName, Kind, Principal};
pub use step::{Login, Refusal, Step};
