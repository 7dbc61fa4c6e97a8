//! The exchange of a login: one message, and a second round after a failure.

use std::sync::Arc;

use super::Verifier;
use super::message::Message;
use crate::auth::{Mechanism, Refusal, Reply, Step};

/// The answer to a token that is not good: one for every reason, as Kafka writes it.
const FAILURE: &str = r#"{"status":"invalid_token"}"#;
/// The client's word that it has seen the failure.
const SEEN: &[u8] = &[1];

/// One login of one client.
#[derive(Debug)]
pub struct Exchange {
    verifier: Arc<Verifier>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The client's token is awaited.
    Token,
    /// The client was told that it failed, and has to say that it knows: clients depend on this round.
    Failed {
        reason: String,
    },
    Over,
}

impl Exchange {
    pub fn new(verifier: Arc<Verifier>) -> Exchange {
        Exchange { verifier, state: State::Token }
    }

    /// Takes the next message of the client.
    pub async fn step(&mut self, message: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Token => self.begin(message).await,
            State::Failed { reason } if message == SEEN => {
                Step::Refused(Refusal { reply: Reply::Own(FAILURE), reason })
            }
            State::Failed { reason } => refuse(format!("{reason}; then it went on as if it had not failed")),
            State::Over => refuse("it goes on after the end"),
        }
    }

    async fn begin(&mut self, message: &[u8]) -> Step {
        let message = match Message::read(message) {
            Ok(message) => message,
            Err(reason) => return refuse(reason),
        };
        match self.verifier.verify(message.token).await {
            Ok(login) if message.authzid.is_some_and(|wanted| *wanted != *login.principal.name) => {
                refuse(format!("it wants to be another than {}", login.principal))
            }
            Ok(login) => Step::Done { last: Vec::new(), login },
            Err(reason) => {
                self.state = State::Failed { reason };
                Step::Challenge(FAILURE.into())
            }
        }
    }
}

fn refuse(reason: impl Into<String>) -> Step {
    Step::Refused(Refusal::of(Mechanism::OAuthBearer, reason))
}
