//! Logins: the frames by which a client proves who it is, in the order that Kafka's `SaslServerAuthenticator` has.
//! It must never know what a mechanism does with its tokens, nor what a user may do.
//! Entry point: [`Gate`], of which the dispatcher asks whether a frame is a request or a part of a login.
//! Invariant: a request is answered with the identity that its connection had when it was admitted.

mod audit;
mod exchange;
mod gate;
#[cfg(test)]
mod tests;
mod visit;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::api::refusals::Refusals;
use crate::api::session::Session;
use crate::auth::mapping::Mapping;
use crate::auth::{Authenticator, Mechanism, Principal, certificate};
use crate::net::{CloseReason, Closer, Peer};

use audit::Audit;
use exchange::{Login, Stage};

pub use gate::{Gate, Passage, wipe};

/// Authentication of all listeners.
pub struct Security {
    pub authenticator: Arc<Authenticator>,
    /// Listeners with SASL, by their names.
    pub sasl: BTreeMap<String, Sasl>,
    /// Names of clients made of their certificates; without it the subject is the name.
    pub mapping: Option<Mapping>,
    /// The longest life of a login.
    pub max_life: Option<Duration>,
    /// Time until a failed login is answered.
    pub failed_delay: Duration,
}

/// SASL on one listener.
#[derive(Clone, Debug)]
pub struct Sasl {
    pub mechanisms: Vec<Mechanism>,
    /// Nobody is served without a login.
    pub is_required: bool,
}

/// A connection, as far as requests on it need to know.
pub struct Connection {
    pub peer: Peer,
    pub closer: Closer,
    pub refusals: Refusals,
    session: Arc<Session>,
    /// Of a listener with SASL.
    login: Option<Login>,
}

impl Connection {
    /// A client has connected. One whose certificate names nobody is sent away.
    pub fn new(peer: &Peer, closer: Closer, security: &Security, audit: &Audit) -> Connection {
        let address = peer.address.ip().to_canonical();
        let mut session = Session::anonymous(Arc::clone(&peer.listener), address, peer.is_encrypted);
        let login = security.sasl.get(&*peer.listener).map(Login::new);
        if login.is_none()
            && let Some(der) = &peer.certificate
        {
            match named(der, security.mapping.as_ref()) {
                Ok(principal) => {
                    session.principal = principal;
                    audit.succeeded(&session, "TLS");
                }
                Err(reason) => {
                    audit.failed(&session, "TLS", &reason);
                    closer.close(CloseReason::Authentication);
                }
            }
        }
        let refusals = Refusals::default();
        Connection { peer: peer.clone(), closer, refusals, session: Arc::new(session), login }
    }

    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// True until the client has logged in, where it must.
    pub fn is_stranger(&self) -> bool {
        self.login.as_ref().is_some_and(Login::is_stranger)
    }

    /// True until a login is done, the first or one that renews it.
    pub fn is_logging_in(&self) -> bool {
        self.login.as_ref().is_some_and(|login| !matches!(login.stage, Stage::Done))
    }

    /// The client has said what software it is.
    pub fn introduce(&mut self, name: &str, version: &str) {
        Arc::make_mut(&mut self.session).software = Some((name.to_owned(), version.to_owned()));
    }
}

/// The principal that a client's certificate stands for.
fn named(der: &[u8], mapping: Option<&Mapping>) -> Result<Principal, String> {
    let subject = certificate::subject(der).map_err(|error| error.to_string())?;
    let name = match mapping {
        None => subject,
        Some(mapping) => mapping.apply(&subject).ok_or_else(|| format!("no rule is about {subject:?}"))?,
    };
    if name.is_empty() {
        return Ok(Principal::anonymous());
    }
    Principal::of_certificate(&name).map_err(|error| error.to_string())
}
