//! Frames at the gate, one after the other.

use std::net::SocketAddr;

use bytes::Bytes;

use super::*;
use crate::auth::{Credentials, SaltKey, Scram, ScramCredential, UserSources, Users};
use crate::net::{Answer, Promise};
use crate::protocol::codec::{Message as _, Request};
use crate::protocol::header::{LENGTH_SIZE, decode_response_header, request_frame};
use crate::protocol::messages::{api_versions, metadata, sasl_authenticate, sasl_handshake};
use crate::protocol::{ApiKey, ErrorCode};
use crate::runtime::{Runtime, Secret};

const LISTENER: &str = "SASL_PLAINTEXT";
const DELAY: Duration = Duration::from_millis(100);

struct NoneStored;

impl Credentials for NoneStored {
    fn scram(&self, _: Scram, _: &str) -> Option<Arc<ScramCredential>> {
        None
    }

    fn salt_key(&self) -> Option<SaltKey> {
        None
    }
}

/// One connection to a listener with SASL, where alice and bob have passwords.
struct Client {
    gate: Gate,
    connection: Connection,
    runtime: Runtime,
}

impl Client {
    fn new() -> Client {
        Client::of(Sasl { mechanisms: vec![Mechanism::Plain], is_required: true }, None)
    }

    fn of(sasl: Sasl, max_life: Option<Duration>) -> Client {
        let runtime = Runtime::simulated(1);
        let sources = UserSources { list: Some(Secret::new("alice:secret,bob:other")), file: None };
        let users = Arc::new(Users::open(&sources, &runtime).expect("users"));
        let authenticator = Authenticator::new(users, Arc::new(NoneStored), None, &runtime);
        let security = Security {
            authenticator: Arc::new(authenticator),
            sasl: [(LISTENER.to_owned(), sasl)].into(),
            mapping: None,
            max_life,
            failed_delay: DELAY,
        };
        let gate = Gate::new(security, &runtime).expect("metrics of its own");
        let address: SocketAddr = "127.0.0.1:9".parse().expect("an address");
        let peer = Peer {
            address,
            local: address,
            listener: LISTENER.into(),
            is_encrypted: false,
            certificate: None,
        };
        let connection = gate.connected(&peer, Closer::new());
        Client { gate, connection, runtime }
    }

    async fn pass(&mut self, frame: Bytes) -> Option<Promise> {
        match self.gate.pass(&mut self.connection, &frame).await {
            Passage::Request => None,
            Passage::Answered(promise) => Some(promise),
        }
    }

    /// None if it is taken for a request like any other.
    async fn send<R: Request>(&mut self, request: &R, version: i16) -> Option<Answer> {
        Some(self.pass(frame(request, version)).await?.await)
    }

    async fn handshake(&mut self, mechanism: &str, version: i16) -> (ErrorCode, Option<CloseReason>) {
        let request = sasl_handshake::Request { mechanism: mechanism.to_owned() };
        let answer = self.send(&request, version).await.expect("an answer of the gate");
        let response: sasl_handshake::Response = response::<sasl_handshake::Request>(&answer, version);
        assert_eq!(response.mechanisms, ["PLAIN"]);
        (ErrorCode::from_code(response.error_code).expect("known"), answer.close)
    }

    async fn authenticate(&mut self, token: &str) -> (sasl_authenticate::Response, Option<CloseReason>) {
        let request = sasl_authenticate::Request { auth_bytes: Bytes::from(token.to_owned()) };
        let answer = self.send(&request, 2).await.expect("an answer of the gate");
        (response::<sasl_authenticate::Request>(&answer, 2), answer.close)
    }

    async fn log_in(&mut self, token: &str) -> sasl_authenticate::Response {
        assert_eq!(self.handshake("PLAIN", 1).await, (ErrorCode::None, None));
        let (response, close) = self.authenticate(token).await;
        assert_eq!((response.error_code, close), (0, None), "{:?}", response.error_message);
        response
    }

    async fn is_closed_by<R: Request>(&mut self, request: &R, version: i16) -> bool {
        let answer = self.send(request, version).await;
        answer
            .is_some_and(|answer| answer.frame.is_none() && answer.close == Some(CloseReason::Authentication))
    }

    fn principal(&self) -> String {
        self.connection.session().principal.to_string()
    }
}

/// Or it could not be overwritten.
#[tokio::test(start_paused = true)]
async fn nobody_keeps_the_frame_of_a_token() {
    for (token, is_good) in [("\0alice\0secret", true), ("\0alice\0wrong", false)] {
        let mut client = Client::new();
        assert_eq!(client.handshake("PLAIN", 1).await, (ErrorCode::None, None));
        let request = sasl_authenticate::Request { auth_bytes: Bytes::from(token.to_owned()) };
        let frame = Bytes::from(request_frame(&request, 2, 7, Some("test")).expect("encodes").concat());
        let promise = client.pass(frame.slice(LENGTH_SIZE..)).await.expect("an answer of the gate");
        assert!(frame.is_unique());
        assert_eq!(promise.await.close.is_none(), is_good);
    }
}

fn frame<R: Request>(request: &R, version: i16) -> Bytes {
    let pieces = request_frame(request, version, 7, Some("test")).expect("encodes");
    Bytes::from(pieces.concat()).slice(LENGTH_SIZE..)
}

fn response<R: Request>(answer: &Answer, version: i16) -> R::Response {
    let frame = Bytes::from(answer.frame.clone().expect("a frame").concat());
    let (correlation_id, body) = decode_response_header(&frame, R::KEY, version).expect("a header");
    assert_eq!(correlation_id, 7);
    R::Response::decode(&body, version).expect("a response")
}

fn software() -> api_versions::Request {
    api_versions::Request {
        client_software_name: "a-client".to_owned(),
        client_software_version: "1.2.3".to_owned(),
        ..api_versions::Request::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_greets_and_logs_in_and_is_served() {
    let mut client = Client::new();
    assert!(client.connection.is_stranger());
    assert!(client.send(&software(), 4).await.is_none(), "for the handler of ApiVersions");
    let response = client.log_in("\0alice\0secret").await;
    assert_eq!(response.session_lifetime_ms, 0);
    assert!(!client.connection.is_stranger());
    assert_eq!(client.principal(), "User:alice");
    let software = client.connection.session().software.clone();
    assert_eq!(software, Some(("a-client".to_owned(), "1.2.3".to_owned())));
    assert!(client.send(&metadata::Request::default(), 12).await.is_none());
    // Out of its place it gets the answer of its handler.
    assert!(client.send(&sasl_authenticate::Request::default(), 2).await.is_none());
    assert!(client.send(&sasl_handshake::Request::default(), 1).await.is_none(), "its login does not end");
}

#[tokio::test(start_paused = true)]
async fn every_other_api_before_a_login_closes_without_an_answer() {
    for key in (0..100).filter_map(ApiKey::from_key) {
        if matches!(key, ApiKey::ApiVersions | ApiKey::SaslHandshake) {
            continue;
        }
        for greeted in [false, true] {
            let mut client = Client::new();
            if greeted {
                assert!(client.send(&software(), 3).await.is_none());
            }
            let mut bytes = key.key().to_be_bytes().to_vec();
            bytes.extend_from_slice(&[0, 0, 0, 0, 0, 7, 0xff, 0xff]);
            let answer = client.pass(Bytes::from(bytes)).await.expect("taken by the gate").await;
            assert!(answer.frame.is_none() && answer.close == Some(CloseReason::Authentication), "{key:?}");
            assert!(client.connection.is_stranger());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_greeting_closes_and_one_that_fails_may_be_made_again() {
    let mut client = Client::new();
    assert!(client.send(&software(), 3).await.is_none());
    assert!(client.is_closed_by(&software(), 3).await);
    let mut client = Client::new();
    let nameless = api_versions::Request { client_software_name: "-no-".to_owned(), ..software() };
    assert!(client.send(&nameless, 3).await.is_none());
    assert!(client.send(&software(), 3).await.is_none());
    client.log_in("\0bob\0other").await;
}

#[tokio::test(start_paused = true)]
async fn a_mechanism_that_is_not_enabled_is_refused_with_the_list() {
    let mut client = Client::new();
    let closes = Some(CloseReason::Authentication);
    assert_eq!(client.handshake("SCRAM-SHA-256", 1).await, (ErrorCode::UnsupportedSaslMechanism, closes));
    assert!(client.is_closed_by(&sasl_handshake::Request { mechanism: "PLAIN".to_owned() }, 1).await);
    assert_eq!(Client::new().handshake("MAGIC", 0).await, (ErrorCode::UnsupportedSaslMechanism, closes));
}

#[tokio::test(start_paused = true)]
async fn a_failed_login_is_answered_late_in_one_sentence_and_closed() {
    let mut sentences = Vec::new();
    for token in ["\0alice\0wrong", "\0nobody\0secret", "bob\0alice\0secret", "", "\0alice"] {
        let mut client = Client::new();
        assert_eq!(client.handshake("PLAIN", 1).await, (ErrorCode::None, None));
        let begun = client.runtime.clock.instant();
        let (response, close) = client.authenticate(token).await;
        assert_eq!(response.error_code, ErrorCode::SaslAuthenticationFailed.code());
        assert_eq!(close, Some(CloseReason::Authentication));
        assert!(client.runtime.clock.instant() - begun >= DELAY);
        assert_eq!(client.principal(), "User:ANONYMOUS");
        assert!(client.is_closed_by(&metadata::Request::default(), 1).await);
        sentences.push(response.error_message);
    }
    sentences.dedup();
    assert_eq!(sentences.len(), 1, "{sentences:?}");
}

#[tokio::test(start_paused = true)]
async fn tokens_behind_the_first_handshake_have_no_header() {
    let mut client = Client::new();
    assert_eq!(client.handshake("PLAIN", 0).await, (ErrorCode::None, None));
    assert!(client.connection.is_logging_in());
    let answer = client.pass(Bytes::from_static(b"\0alice\0secret")).await.expect("taken").await;
    assert_eq!((answer.frame, answer.close), (Some(vec![Bytes::new()]), None));
    assert_eq!(client.principal(), "User:alice");
    let mut client = Client::new();
    assert_eq!(client.handshake("PLAIN", 0).await, (ErrorCode::None, None));
    let answer = client.pass(Bytes::from_static(b"\0alice\0wrong")).await.expect("taken").await;
    assert_eq!((answer.frame, answer.close), (None, Some(CloseReason::Authentication)));
}

#[tokio::test(start_paused = true)]
async fn amid_a_login_nothing_else_is_taken() {
    let mut client = Client::new();
    assert_eq!(client.handshake("PLAIN", 1).await, (ErrorCode::None, None));
    assert!(client.is_closed_by(&metadata::Request::default(), 1).await);
    assert!(client.is_closed_by(&sasl_authenticate::Request::default(), 1).await, "it stays closed");
}

#[tokio::test(start_paused = true)]
async fn a_login_ends_unless_it_is_renewed_by_the_same_user() {
    let sasl = Sasl { mechanisms: vec![Mechanism::Plain], is_required: true };
    let life = Duration::from_secs(10);
    let mut client = Client::of(sasl, Some(life));
    assert_eq!(client.log_in("\0alice\0secret").await.session_lifetime_ms, 10_000);
    client.runtime.clock.sleep(Duration::from_secs(9)).await;
    client.log_in("\0alice\0secret").await;
    assert!(!client.connection.is_stranger());
    let again = sasl_handshake::Request { mechanism: "PLAIN".to_owned() };
    assert!(client.send(&again, 1).await.is_none(), "too soon: for its handler");
    client.runtime.clock.sleep(Duration::from_secs(9)).await;
    assert!(client.send(&metadata::Request::default(), 1).await.is_none());
    assert_eq!(client.handshake("PLAIN", 1).await, (ErrorCode::None, None));
    let (response, close) = client.authenticate("\0bob\0other").await;
    assert_eq!(response.error_code, ErrorCode::SaslAuthenticationFailed.code());
    assert_eq!(close, Some(CloseReason::Authentication));
}

#[tokio::test(start_paused = true)]
async fn past_its_end_a_login_closes_at_the_next_request() {
    let sasl = Sasl { mechanisms: vec![Mechanism::Plain], is_required: true };
    let mut client = Client::of(sasl, Some(Duration::from_secs(10)));
    client.log_in("\0alice\0secret").await;
    client.runtime.clock.sleep(Duration::from_secs(10)).await;
    assert!(client.is_closed_by(&metadata::Request::default(), 1).await);
    // A renewal is taken also then.
    assert_eq!(client.handshake("PLAIN", 1).await, (ErrorCode::None, None));
}

#[tokio::test(start_paused = true)]
async fn where_no_login_is_required_the_first_request_settles_that_there_is_none() {
    let sasl = || Sasl { mechanisms: vec![Mechanism::Plain], is_required: false };
    let mut client = Client::of(sasl(), None);
    assert!(client.send(&software(), 3).await.is_none());
    assert!(client.send(&metadata::Request::default(), 1).await.is_none());
    assert!(!client.connection.is_stranger());
    assert_eq!(client.principal(), "User:ANONYMOUS");
    assert!(client.send(&sasl_handshake::Request::default(), 1).await.is_none(), "too late");
    let mut client = Client::of(sasl(), None);
    client.log_in("\0alice\0secret").await;
    assert_eq!(client.principal(), "User:alice");
}
