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
    pub reply: Reply,
    /// For the log: no secret is in it.
    pub reason: String,
}

/// The sentence that a client is refused with, as Kafka words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The mechanism's own.
    Own(&'static str),
    /// That of a mechanism which has none.
    Of(Mechanism),
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
        Refusal { reply: Reply::Of(mechanism), reason: reason.into() }
    }
}

impl Reply {
    /// The sentence for a first login, or for one that renews another.
    pub fn sentence(self, renews: bool) -> String {
        let what = if renews { "re-authentication" } else { "authentication" };
        match self {
            Reply::Own(sentence) => sentence.to_owned(),
            Reply::Of(mechanism) => format!(
                "Authentication failed during {what} due to invalid credentials with SASL mechanism \
                 {mechanism}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_the_client_nothing_but_the_mechanism() {
        let refusal = Refusal::of(Mechanism::ScramSha256, "nobody has the name \"eve\"");
        for (renews, what) in [(false, "authentication"), (true, "re-authentication")] {
            let rest = "due to invalid credentials with SASL mechanism SCRAM-SHA-256";
            let expected = format!("Authentication failed during {what} {rest}");
            assert_eq!(refusal.reply.sentence(renews), expected);
        }
        assert_eq!(refusal.reason, "nobody has the name \"eve\"");
    }
}
