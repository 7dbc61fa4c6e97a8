//! Verification of tokens: by their issuer's rules and keys.

use std::sync::Arc;

use super::issuers::{self, Issuer};
use super::metrics;
use super::settings::{BadSettings, Settings};
use super::source::Source;
use super::token::Token;
use crate::auth::Login;
use crate::runtime::{Clock, Runtime, TaskKind};

/// The issuers that are trusted, with their keys.
#[derive(Debug)]
pub struct Verifier {
    issuers: Vec<(Issuer, Arc<Source>)>,
    clock: Clock,
}

impl Verifier {
    /// Reads the settings, and keeps the keys of their issuers fresh from now on; none if they name no issuer. Keys in a
    /// file must be there. A URL may come to answer later: until then nobody logs in with its tokens.
    pub fn open(settings: &Settings, runtime: &Runtime) -> Result<Option<Arc<Verifier>>, BadSettings> {
        let known = issuers::read(settings)?;
        if known.is_empty() {
            return Ok(None);
        }
        let mut verifier = Verifier { issuers: Vec::new(), clock: runtime.clock.clone() };
        for issuer in known {
            let source = Arc::new(Source::new(issuer.keys.clone(), &issuer.name, &runtime.clock));
            issuer.begin(&source)?;
            verifier.issuers.push((issuer, source));
        }
        let sources = verifier.issuers.iter().map(|(_, source)| Arc::clone(source)).collect();
        metrics::register(&runtime.metrics, sources);
        for (_, source) in &verifier.issuers {
            let kept = Arc::clone(source).keep(runtime.shutdown.clone());
            runtime.tasks.spawn(TaskKind::Periodic, kept);
        }
        Ok(Some(Arc::new(verifier)))
    }

    /// The login that a token is good for, or the reason why it is good for none: for the log, with nothing in it that
    /// would help to log in. It may wait for the issuer's keys.
    pub async fn verify(&self, token: &str) -> Result<Login, String> {
        let token = Token::read(token)?;
        let named = token.claims.get("iss").and_then(serde_json::Value::as_str);
        let known = self.issuers.iter().find(|(issuer, _)| Some(issuer.name.as_str()) == named);
        let (issuer, source) = known.ok_or("the token is of an issuer that is not trusted")?;
        // Tokens that are no good whoever signed them cause no question for keys.
        issuer.judge(&token.claims, self.clock.now_ms())?;
        let keys = source.keys(token.kid.as_deref()).await;
        keys.ok_or("the issuer's keys could not be read yet")?.verify(&token)?;
        issuer.judge(&token.claims, self.clock.now_ms())
    }
}
