//! One frame of a connection whose client logs in, or has to: a step of the login, or the end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::exchange::{Login, Proving, Stage};
use super::gate::{Gate, Passage, answer, closed, read};
use crate::api::handler::Versions;
use crate::api::session::Session;
use crate::auth::{self, Mechanism, Refusal, Step};
use crate::net::{Answer, CloseReason, Promise};
use crate::protocol::header::{RequestHeader, api_of};
use crate::protocol::messages::{sasl_authenticate, sasl_handshake};
use crate::protocol::{ApiKey, ErrorCode};

const HANDSHAKES: Versions = 0..=1;
const AUTHENTICATIONS: Versions = 0..=2;
/// From here on tokens come in SaslAuthenticate (KIP-152).
const HEADERS_SINCE: i16 = 1;
/// Timers run out a millisecond apart. A challenge waits for that, so that nobody sees the parts of a millisecond by which a
/// user that there is takes longer to look up, nor does the delay of a refusal begin with them.
const TICK: Duration = Duration::from_nanos(1);
/// The label of logins that did not come to a mechanism.
const NO_MECHANISM: &str = "none";

/// One frame at the gate.
pub(super) struct Visit<'a> {
    pub(super) gate: &'a Gate,
    pub(super) login: &'a mut Login,
    pub(super) session: &'a mut Arc<Session>,
    pub(super) frame: &'a Bytes,
}

impl Visit<'_> {
    /// A client that has logged in may do so anew; once its login has ended, it must.
    pub(super) fn of_known(&mut self) -> Passage {
        let Some(ends) = self.session.ends else { return Passage::Request };
        let now = self.gate.runtime.clock.instant();
        if api_of(self.frame) == Some(ApiKey::SaslHandshake)
            && let Ok((header, body)) = RequestHeader::decode(self.frame)
            && self.login.begins_renewal(now)
        {
            return self.handshake(&header, &body, true);
        }
        if ends <= now {
            self.gate.audit.expired(self.session);
            return closed();
        }
        Passage::Request
    }

    pub(super) fn of_stranger(&mut self, greets: bool) -> Passage {
        let is_new = matches!(self.login.stage, Stage::New);
        let Ok((header, body)) = RequestHeader::decode(self.frame) else { return closed() };
        match header.api() {
            Some(ApiKey::ApiVersions) if is_new => {
                if greets {
                    self.login.stage = Stage::Greeted;
                }
                Passage::Request
            }
            Some(ApiKey::SaslHandshake) => self.handshake(&header, &body, false),
            _ if !self.login.sasl.is_required => {
                self.login.stage = Stage::Done;
                Passage::Request
            }
            _ => {
                let api = header.api().map_or("unknown", ApiKey::name);
                let reason = format!("a request before the login: {api}");
                self.gate.audit.failed(self.session, NO_MECHANISM, &reason);
                self.fail()
            }
        }
    }

    fn handshake(&mut self, header: &RequestHeader<'_>, body: &Bytes, renews: bool) -> Passage {
        let version = header.api_version;
        let request = HANDSHAKES.contains(&version).then(|| read::<sasl_handshake::Request>(body, version));
        let Some(Some(request)) = request else { return self.fail() };
        let enabled = &self.login.sasl.mechanisms;
        let mechanisms: Vec<String> = enabled.iter().map(Mechanism::to_string).collect();
        let known = request.mechanism.parse::<Mechanism>().ok().filter(|known| enabled.contains(known));
        let Some(mechanism) = known else {
            let closed = self.fail();
            self.gate.audit.failed(self.session, NO_MECHANISM, "the mechanism is not enabled here");
            if renews {
                return closed;
            }
            let error_code = ErrorCode::UnsupportedSaslMechanism.into();
            let response = sasl_handshake::Response { error_code, mechanisms };
            let answer = answer::<sasl_handshake::Request>(&response, header);
            return Passage::Answered(answer.closing(CloseReason::Authentication).into());
        };
        self.login.stage = Stage::Proving(Box::new(Proving {
            mechanism,
            exchange: self.gate.security.authenticator.begin(mechanism),
            is_raw: version < HEADERS_SINCE,
            renews,
            is_foreign: renews && self.session.mechanism != Some(mechanism),
        }));
        let response = sasl_handshake::Response { error_code: ErrorCode::None.into(), mechanisms };
        Passage::Answered(answer::<sasl_handshake::Request>(&response, header).into())
    }

    /// A token without a header, behind SaslHandshake 0.
    pub(super) async fn raw_token(&mut self) -> Passage {
        let frame = self.frame.clone();
        match self.prove(&frame).await {
            Proof::Goes(token) => self.later(TICK, Answer::frame(vec![token.into()])),
            Proof::Done { token, .. } => Passage::Answered(Answer::frame(vec![token.into()]).into()),
            Proof::Fails(_) => self.refuse(Answer::nothing()),
        }
    }

    pub(super) async fn token(&mut self) -> Passage {
        let Ok((header, body)) = RequestHeader::decode(self.frame) else { return self.fail() };
        let version = header.api_version;
        if header.api() != Some(ApiKey::SaslAuthenticate) || !AUTHENTICATIONS.contains(&version) {
            self.gate.audit.failed(self.session, NO_MECHANISM, "another request amid the login");
            return self.fail();
        }
        let Some(request) = read::<sasl_authenticate::Request>(&body, version) else { return self.fail() };
        let response = match self.prove(&request.auth_bytes).await {
            Proof::Goes(token) => {
                let response = sasl_authenticate::Response {
                    auth_bytes: token.into(),
                    ..sasl_authenticate::Response::default()
                };
                return self.later(TICK, answer::<sasl_authenticate::Request>(&response, &header));
            }
            Proof::Done { token, life } => sasl_authenticate::Response {
                auth_bytes: token.into(),
                session_lifetime_ms: life
                    .map_or(0, |life| i64::try_from(life.as_millis()).unwrap_or(i64::MAX)),
                ..sasl_authenticate::Response::default()
            },
            Proof::Fails(None) => return self.refuse(Answer::nothing()),
            Proof::Fails(Some(message)) => {
                let response = sasl_authenticate::Response {
                    error_code: ErrorCode::SaslAuthenticationFailed.into(),
                    error_message: Some(message),
                    ..sasl_authenticate::Response::default()
                };
                return self.refuse(answer::<sasl_authenticate::Request>(&response, &header));
            }
        };
        Passage::Answered(answer::<sasl_authenticate::Request>(&response, &header).into())
    }

    /// Takes a token of the client, and notes what comes of it.
    async fn prove(&mut self, token: &[u8]) -> Proof {
        let Stage::Proving(proving) = &mut self.login.stage else { return Proof::Fails(None) };
        let (mechanism, renews, is_foreign) = (proving.mechanism, proving.renews, proving.is_foreign);
        let outcome = match is_foreign {
            true => Err((None, "another mechanism than before".to_owned())),
            false => match proving.exchange.step(token).await {
                Step::Challenge(token) => return Proof::Goes(token),
                Step::Done { last, login } => self.log_in(mechanism, renews, login).map(|life| (last, life)),
                Step::Refused(Refusal { reply, reason }) => Err((Some(reply.sentence(renews)), reason)),
            },
        };
        match outcome {
            Ok((token, life)) => {
                self.login.stage = Stage::Done;
                Proof::Done { token, life }
            }
            Err((reply, reason)) => {
                self.gate.audit.failed(self.session, mechanism.name(), &reason);
                self.login.stage = Stage::Failed;
                Proof::Fails(reply)
            }
        }
    }

    /// The life of the login, if it ends (`SaslServerAuthenticator.calcCompletionTimesAndReturnSessionLifetimeMs`).
    fn log_in(
        &mut self,
        mechanism: Mechanism,
        renews: bool,
        login: auth::Login,
    ) -> Result<Option<Duration>, (Option<String>, String)> {
        let auth::Login { principal, groups, expires_ms } = login;
        if renews && principal != self.session.principal {
            let message = format!(
                "Cannot change principals during re-authentication from {}.{}: {}.{}",
                self.session.principal.kind.name(),
                self.session.principal.name,
                principal.kind.name(),
                principal.name,
            );
            return Err((Some(message.clone()), message));
        }
        let clock = &self.gate.runtime.clock;
        let left =
            expires_ms.map(|at| Duration::from_millis(u64::try_from(at - clock.now_ms()).unwrap_or(0)));
        let life = [left, self.gate.security.max_life].into_iter().flatten().min();
        let session = Arc::make_mut(self.session);
        session.principal = principal;
        session.groups = groups;
        session.mechanism = Some(mechanism);
        session.ends = life.map(|life| clock.instant() + life);
        self.gate.audit.succeeded(self.session, mechanism.name());
        Ok(life)
    }

    /// Nothing more is taken of the client.
    fn fail(&mut self) -> Passage {
        self.login.stage = Stage::Failed;
        closed()
    }

    /// Answers a failure once its delay has passed, and closes.
    fn refuse(&self, answer: Answer) -> Passage {
        self.later(self.gate.security.failed_delay, answer.closing(CloseReason::Authentication))
    }

    /// Answers at the first tick of the clock after `delay`.
    fn later(&self, delay: Duration, answer: Answer) -> Passage {
        let clock = self.gate.runtime.clock.clone();
        Passage::Answered(Promise::waiting(async move {
            clock.sleep(delay).await;
            answer
        }))
    }
}

/// The outcome of a token.
enum Proof {
    /// The client has to answer this.
    Goes(Vec<u8>),
    Done {
        token: Vec<u8>,
        life: Option<Duration>,
    },
    /// The message is for the client.
    Fails(Option<String>),
}
