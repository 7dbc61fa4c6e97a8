//! The stages of a login on one connection, as Kafka's `SaslServerAuthenticator` has them. Pure but for the exchange itself.

use std::time::Duration;

use super::Sasl;
use crate::auth::{Exchange, Mechanism};
use crate::runtime::clock::Instant;

/// Logins of one connection begin at least so far apart (`KafkaChannel.MIN_REAUTH_INTERVAL_ONE_SECOND_NANOS`).
const RENEWAL_INTERVAL: Duration = Duration::from_secs(1);

/// The login of one connection.
pub struct Login {
    pub sasl: Sasl,
    pub stage: Stage,
    /// When the last renewal began.
    renewed: Option<Instant>,
}

/// The stages of a login.
pub enum Stage {
    /// Nothing has come.
    New,
    /// The client knows the APIs.
    Greeted,
    /// A mechanism is under way.
    Proving(Box<Proving>),
    /// The client has logged in, or needs not.
    Done,
    /// It is sent away.
    Failed,
}

/// An exchange of tokens.
pub struct Proving {
    pub mechanism: Mechanism,
    pub exchange: Exchange,
    /// Tokens come without a Kafka header, as behind SaslHandshake 0.
    pub is_raw: bool,
    /// The client had logged in before.
    pub renews: bool,
    /// It asks for another mechanism than before, which it learns of at the first token.
    pub is_foreign: bool,
}

impl Login {
    pub fn new(sasl: &Sasl) -> Login {
        Login { sasl: sasl.clone(), stage: Stage::New, renewed: None }
    }

    /// True until the first login is done. A renewal makes nobody a stranger again.
    pub fn is_stranger(&self) -> bool {
        match &self.stage {
            Stage::New | Stage::Greeted | Stage::Failed => true,
            Stage::Proving(proving) => !proving.renews,
            Stage::Done => false,
        }
    }

    /// True if the client may log in anew now, which takes note of the time.
    pub fn begins_renewal(&mut self, now: Instant) -> bool {
        let is_too_soon = |last: Instant| now.duration_since(last) < RENEWAL_INTERVAL;
        if self.renewed.is_some_and(is_too_soon) {
            return false;
        }
        self.renewed = Some(now);
        true
    }
}
