//! The authenticator of a process, and the logins that it takes part in.

use std::sync::Arc;

use super::credentials::{Credentials, SaltKey};
use super::mechanism::{Mechanism, Scram};
use super::oauth::{self, Verifier};
use super::step::{Refusal, Step};
use super::users::Users;
use super::{plain, scram};
use crate::runtime::Runtime;

/// Everything by which clients can be known.
pub struct Authenticator {
    users: Arc<Users>,
    credentials: Arc<dyn Credentials>,
    /// Stands in for the cluster's key while there is none.
    own_salt_key: SaltKey,
    /// Knows the issuers of tokens, if there are any.
    tokens: Option<Arc<Verifier>>,
    runtime: Runtime,
}

/// One login: tokens of a client, one after the other, until it is done or refused.
pub struct Exchange(Kind);

enum Kind {
    Plain(plain::Exchange),
    Scram(scram::Exchange),
    OAuthBearer(oauth::Exchange),
    /// Nobody is known by this mechanism here.
    Nobody(Mechanism),
}

impl Authenticator {
    /// Without a verifier, nobody logs in by tokens.
    pub fn new(
        users: Arc<Users>,
        credentials: Arc<dyn Credentials>,
        tokens: Option<Arc<Verifier>>,
        runtime: &Runtime,
    ) -> Authenticator {
        let own_salt_key = SaltKey::new(runtime.rng.bytes());
        Authenticator { users, credentials, own_salt_key, tokens, runtime: runtime.clone() }
    }

    /// Begins a login.
    pub fn begin(self: &Arc<Authenticator>, mechanism: Mechanism) -> Exchange {
        let scram = |mechanism| Kind::Scram(scram::Exchange::new(mechanism, Arc::clone(self)));
        Exchange(match mechanism {
            Mechanism::Plain => Kind::Plain(plain::Exchange::new(Arc::clone(&self.users))),
            Mechanism::ScramSha256 => scram(Scram::Sha256),
            Mechanism::ScramSha512 => scram(Scram::Sha512),
            Mechanism::OAuthBearer => match &self.tokens {
                Some(verifier) => Kind::OAuthBearer(oauth::Exchange::new(Arc::clone(verifier))),
                None => Kind::Nobody(mechanism),
            },
        })
    }

    pub(super) fn users(&self) -> &Users {
        &self.users
    }

    pub(super) fn credentials(&self) -> &dyn Credentials {
        &*self.credentials
    }

    pub(super) fn salt_key(&self) -> SaltKey {
        self.credentials.salt_key().unwrap_or_else(|| self.own_salt_key.clone())
    }

    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

impl Exchange {
    /// The outcome of the client's next token.
    pub async fn step(&mut self, token: &[u8]) -> Step {
        match &mut self.0 {
            Kind::Plain(exchange) => exchange.step(token),
            Kind::Scram(exchange) => exchange.step(token).await,
            Kind::OAuthBearer(exchange) => exchange.step(token).await,
            Kind::Nobody(mechanism) => {
                Step::Refused(Refusal::of(*mechanism, "nobody can log in by this mechanism here"))
            }
        }
    }
}
