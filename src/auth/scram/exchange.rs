//! One login by SCRAM.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::made_up::MadeUp;
use super::{keys, message};
use crate::auth::authenticator::Authenticator;
use crate::auth::credentials::ScramCredential;
use crate::auth::mechanism::Scram;
use crate::auth::principal::Principal;
use crate::auth::step::{Login, Refusal, Step};

/// Random bytes of the server's part of the nonce.
const NONCE_BYTES: usize = 24;

/// The server's side of one login.
pub struct Exchange {
    mechanism: Scram,
    authenticator: Arc<Authenticator>,
    state: State,
}

enum State {
    /// Waits for the client's first message.
    First,
    /// Waits for its proof.
    Final(Challenged),
    Over,
}

/// A client that was given a salt.
struct Challenged {
    user: Principal,
    credential: Arc<ScramCredential>,
    /// The one that is made up for the name, known or not. It goes with the rest: wiping it takes a time that would tell.
    _made_up: Arc<ScramCredential>,
    /// False: the credential is made up.
    is_known: bool,
    /// The header of the first message.
    header: String,
    /// The client's part of the nonce.
    own_nonce: String,
    /// Both parts of it.
    nonce: String,
    /// The first message without its header, and the answer to it, with a comma behind each.
    said: String,
}

/// The reason for the log.
type Reason = String;

impl Exchange {
    pub fn new(mechanism: Scram, authenticator: Arc<Authenticator>) -> Exchange {
        Exchange { mechanism, authenticator, state: State::First }
    }

    pub async fn step(&mut self, token: &[u8]) -> Step {
        let mechanism = self.mechanism;
        let refuse = |reason: Reason| Step::Refused(Refusal::of(mechanism.mechanism(), reason));
        match std::mem::replace(&mut self.state, State::Over) {
            State::First => match self.challenge(token).await {
                Ok((challenged, challenge)) => {
                    self.state = State::Final(challenged);
                    Step::Challenge(challenge.into_bytes())
                }
                Err(reason) => refuse(reason),
            },
            State::Final(challenged) => match challenged.prove(mechanism, token) {
                Ok(last) => Step::Done { last: last.into_bytes(), login: Login::of(challenged.user) },
                Err(reason) => refuse(reason),
            },
            State::Over => refuse("a token behind the end of the login".to_owned()),
        }
    }

    async fn challenge(&self, token: &[u8]) -> Result<(Challenged, String), Reason> {
        let first = message::first(token)?;
        let user = Principal::user(&first.name).map_err(|bad| bad.to_string())?;
        if first.authzid.as_ref().is_some_and(|authzid| *authzid != first.name) {
            return Err(format!("{:?}: it asks to act as somebody else", first.name));
        }
        let (credential, made_up, is_known) = self.credential(&first.name).await?;
        let mine = BASE64.encode(self.authenticator.runtime().rng.bytes::<NONCE_BYTES>());
        let nonce = format!("{}{mine}", first.nonce);
        let salt = BASE64.encode(&credential.salt);
        let challenge = format!("r={nonce},s={salt},i={}", credential.iterations);
        let challenged = Challenged {
            user,
            credential,
            _made_up: made_up,
            is_known: is_known && !first.is_token,
            header: first.header.to_owned(),
            own_nonce: first.nonce.to_owned(),
            nonce,
            said: format!("{},{challenge},", first.bare),
        };
        Ok((challenged, challenge))
    }

    /// The credential of a user, or one that is made up; that one, and if there is such a user. Everything is done for
    /// every name.
    async fn credential(
        &self,
        name: &str,
    ) -> Result<(Arc<ScramCredential>, Arc<ScramCredential>, bool), Reason> {
        let (authenticator, mechanism) = (&self.authenticator, self.mechanism);
        let salt_key = authenticator.salt_key();
        let of_process = authenticator.users().derived(mechanism, &salt_key).await;
        let of_process = of_process.ok_or("the keys of the users cannot be derived")?;
        let made_up = Arc::new(MadeUp::new(&salt_key).credential(mechanism, name));
        let found = of_process.get(name);
        let stored = authenticator.credentials().scram(mechanism, name);
        let is_known = found.is_some() | stored.is_some();
        let unless_stored = Arc::clone(found.unwrap_or(&made_up));
        Ok((stored.unwrap_or(unless_stored), made_up, is_known))
    }
}

impl Challenged {
    /// The server's last message, if the proof is right.
    fn prove(&self, mechanism: Scram, token: &[u8]) -> Result<String, Reason> {
        let last = message::last(token)?;
        if BASE64.decode(last.header).ok().as_deref() != Some(self.header.as_bytes()) {
            return Err("the header is not that of the first message".to_owned());
        }
        // librdkafka before 2.6.1 puts its own part in front once more: the whole nonce is still there, and nothing else.
        let nonce = last.nonce.strip_prefix(&*self.own_nonce).filter(|rest| *rest == self.nonce);
        if nonce.unwrap_or(last.nonce) != self.nonce {
            return Err("the nonce is not that of this login".to_owned());
        }
        let mut client_key = BASE64.decode(last.proof).map_err(|_| "the proof is no base64")?;
        if client_key.len() != mechanism.key_bytes() {
            return Err("the proof has another length".to_owned());
        }
        let said = format!("{}{}", self.said, last.without_proof);
        let signature = mechanism.sign(&self.credential.stored_key, said.as_bytes());
        keys::xor(&mut client_key, signature.as_ref());
        let stored_key = mechanism.hash(&client_key);
        let is_right = verify_slices_are_equal(stored_key.as_ref(), &self.credential.stored_key).is_ok();
        // Reasons of one shape: they take their time too.
        let reason = match (self.is_known, is_right) {
            (true, true) => {
                let signature = mechanism.sign(&self.credential.server_key, said.as_bytes());
                return Ok(format!("v={}", BASE64.encode(signature)));
            }
            (true, false) => "the proof is wrong",
            (false, _) => "there is no such user",
        };
        Err(format!("{:?}: {reason}", self.user.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::scram::keys::password_key;

    /// The example of RFC 7677.
    #[test]
    fn the_published_example_is_followed_to_the_letter() {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let credential = Arc::new(keys::derive(Scram::Sha256, &password_key(Scram::Sha256, "pencil"), salt));
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let challenged = Challenged {
            user: Principal::user("user").expect("a name"),
            _made_up: Arc::clone(&credential),
            credential,
            is_known: true,
            header: "n,,".to_owned(),
            own_nonce: "rOprNGfwEbeRWgbNEkqO".to_owned(),
            nonce: nonce.to_owned(),
            said: format!("n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"),
        };
        let last = |proof: &str| format!("c=biws,r={nonce},p={proof}").into_bytes();
        assert_eq!(
            challenged.prove(Scram::Sha256, &last("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")),
            Ok("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_owned())
        );
        assert!(
            challenged.prove(Scram::Sha256, &last("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVA=")).is_err()
        );
        assert!(challenged.prove(Scram::Sha256, &last("dHzbZapWIk4jUhN+")).is_err());
    }
}
