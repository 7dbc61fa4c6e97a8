//! Authentication: principals, and the SASL mechanisms by which a client proves that it is one.
//! It must never know a socket, a Kafka frame or the metadata: tokens go in, challenges and verdicts come out.
//! Entry point: [`Authenticator::begin`], for one login by one [`Mechanism`]; a [`Step`] is what comes of each token.
//! Invariant: a client is told one sentence for every reason of a mechanism, and no secret is ever printed.

mod authenticator;
pub mod certificate;
mod credentials;
pub mod mapping;
mod mechanism;
pub mod oauth;
mod plain;
mod principal;
mod scram;
mod step;
#[cfg(test)]
mod timing_tests;
mod users;

pub use authenticator::{Authenticator, Exchange};
pub use credentials::{Credentials, SaltKey, ScramCredential};
pub use mechanism::{Mechanism, Scram, UnknownMechanism};
pub use principal::{BadName, Kind, Principal};
pub use scram::{LEAST_ITERATIONS, MOST_ITERATIONS};
pub use step::{Login, Refusal, Reply, Step};
pub use users::{UserSources, Users, UsersError};
