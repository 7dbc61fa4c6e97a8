//! Steps of a login: what comes of each token that a client sends.

use super::{Mechanism, Principal};

/// The outcome of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The client has to answer this.
    Challenge(Vec<u8>),
    /// The client is who it says. `last` goes with the good news.
    Done {
        last: Vec<u8>,
        login: Login,
    },
    Refused(Refusal),
}

/// A client that has proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub principal: Principal,
    /// Further principals that it acts as.
    pub groups: Vec<Principal>,
    /// The end of what it proved itself with, in milliseconds since the Unix epoch; none if that does not end.
    pub expires_ms: Option<i64>,
}

/// A login that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For the client: the same for every reason.
    pub reply: String,
    /// For the log: no secret is in it.
    pub reason: String,
}

impl Login {
    /// A login that does not expire, without groups.
    pub fn of(principal: Principal) -> Login {
        Login { principal, groups: Vec::new(), expires_ms: None }
    }
}

impl Refusal {
    /// The refusal of a mechanism that says nothing of its own, as Kafka words it.
    pub fn of(mechanism: Mechanism, reason: impl Into<String>) -> Refusal {
        let reply = format!(
            "Authentication failed during authentication due to invalid credentials with SASL mechanism \
             {mechanism}"
        );
        Refusal { reply, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_the_client_nothing_but_the_mechanism() {
        let refusal = Refusal::of(Mechanism::ScramSha256, "nobody has the name \"eve\"");
        assert_eq!(
            refusal.reply,
            "Authentication failed during authentication due to invalid credentials with SASL mechanism \
             SCRAM-SHA-256"
        );
        assert_eq!(refusal.reason, "nobody has the name \"eve\"");
    }
}
