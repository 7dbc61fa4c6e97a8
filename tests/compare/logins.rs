//! Logins beside Apache Kafka's: frames in every state of a SASL connection, and what comes of them.

use std::collections::BTreeSet;
use std::time::Duration;

use kafkaesque::protocol::codec::Request;
use kafkaesque::protocol::header::request_frame;
use kafkaesque::protocol::messages::{api_versions, metadata, sasl_authenticate, sasl_handshake};
use kafkaesque::protocol::{ApiKey, header};

use crate::brokers::Brokers;
use crate::catalog::{APIS, Recipe};
use crate::connection::{Connection, Reply};
use crate::free_port::free_port;
use crate::shape::Names;

const THEIR_LOGINS: &str = "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_alice=\"secret\" user_bob=\"other\";
listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
connections.max.reauth.ms=4000
";
pub const ALICE: &[u8] = b"\0alice\0secret";
pub const BOB: &[u8] = b"\0bob\0other";

/// A step on one connection.
pub enum Step {
    Send(Vec<u8>, ApiKey, i16),
    /// A token without a header.
    Raw(Vec<u8>),
    Wait(Duration),
}

#[test]
fn logins_are_kafkas() {
    let (our_plain, ours, theirs) = (free_port(), free_port(), free_port());
    let their_settings = format!("SASL_PLAINTEXT://127.0.0.1:{theirs}\n{THEIR_LOGINS}");
    let listeners = format!("PLAINTEXT://127.0.0.1:{our_plain},SASL_PLAINTEXT://127.0.0.1:{ours}");
    let variables = [
        ("LISTENERS", listeners.as_str()),
        ("SASL_USERS", "alice:secret,bob:other"),
        ("SASL_MAX_REAUTH_MS", "4000"),
    ];
    let Some(_brokers) = Brokers::with(our_plain, &their_settings, &variables) else { return };
    let mut differing = Vec::new();
    let scenarios = scenarios();
    let count = scenarios.len();
    for (name, steps) in scenarios {
        let [ours, theirs] = play_both([ours, theirs].map(Connection::new), &steps);
        if ours != theirs && permitted(&name, &ours, &theirs).is_none() {
            differing.push(format!("{name}:\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    crate::tell(&format!("{count} ways to log in, {} differ", differing.len()));
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// Differences that are meant, each with its reason.
pub fn permitted(name: &str, ours: &[String], theirs: &[String]) -> Option<&'static str> {
    let closes = ours.last().is_some_and(|last| last == "closed");
    if name.contains("amid a login") && closes && ours.len() == theirs.len() {
        return Some("Kafka answers ILLEGAL_SASL_STATE before it closes");
    }
    if name.starts_with("tokens") && ours.last() == theirs.last() && ours.len() == theirs.len() {
        let is_refusal = |last: &String| last.contains("SaslAuthenticate 58");
        if ours.iter().zip(theirs).all(|(our, their)| our == their || (is_refusal(our) && is_refusal(their)))
        {
            return Some("one sentence for every reason, where Kafka has several");
        }
    }
    None
}

/// Steps with a name.
pub type Scenario = (String, Vec<Step>);

fn scenarios() -> Vec<Scenario> {
    [of_each_api(), of_logins(), renewals()].into_iter().flatten().collect()
}

/// Those that neither ask each API nor wait.
pub fn quick_scenarios() -> Vec<Scenario> {
    let waits = |step: &Step| matches!(step, Step::Wait(_));
    let all = of_logins().into_iter().chain(renewals());
    all.filter(|(_, steps)| !steps.iter().any(waits)).collect()
}

fn of_each_api() -> Vec<Scenario> {
    let mut all: Vec<Scenario> = Vec::new();
    for api in APIS {
        let key = api.key;
        let is_of_login =
            matches!(key, ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate);
        let mut versions = vec![api.versions.first, api.versions.last];
        versions.dedup();
        for version in versions {
            let made = || request(key, version);
            if !is_of_login {
                all.push((format!("first {key:?} {version}"), vec![made()]));
                all.push((format!("greeted {key:?} {version}"), vec![greet(3), made()]));
                all.push((format!("amid a login {key:?} {version}"), vec![shake("PLAIN", 1), made()]));
            }
        }
    }
    all
}

fn of_logins() -> Vec<Scenario> {
    let mut all: Vec<Scenario> = Vec::new();
    for version in 0..=5 {
        all.push((format!("greeting {version}"), vec![greet(version), shake("PLAIN", 1)]));
        all.push((format!("second greeting {version}"), vec![greet(3), greet(version)]));
        all.push((format!("greeting amid a login {version}"), vec![shake("PLAIN", 1), greet(version)]));
    }
    all.push(("greeting of a version to come".into(), vec![greet(99), greet(3), shake("PLAIN", 1)]));
    for version in 0..=2 {
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "GSSAPI", "OAUTHBEARER", "plain", ""] {
            let steps = vec![shake(mechanism, version), token(ALICE, 2)];
            all.push((format!("handshake {version} {mechanism:?}"), steps));
        }
    }
    for version in 0..=3 {
        all.push((format!("token {version} first"), vec![token(ALICE, version)]));
        let steps = vec![shake("PLAIN", 1), token(ALICE, version), ask(), token(ALICE, version), ask()];
        all.push((format!("login {version}, and a token behind it"), steps));
        all.push((
            format!("wrong {version}"),
            vec![shake("PLAIN", 1), token(b"\0alice\0no", version), ask()],
        ));
    }
    for (name, bytes) in TOKENS {
        all.push((format!("tokens {name}"), vec![shake("PLAIN", 1), token(bytes, 2), ask()]));
        all.push((format!("tokens raw {name}"), vec![shake("PLAIN", 0), Step::Raw(bytes.to_vec()), ask()]));
    }
    for (name, bytes) in SCRAM {
        all.push((format!("tokens scram {name}"), vec![shake("SCRAM-SHA-256", 1), token(bytes, 2), ask()]));
    }
    all
}

const TOKENS: &[(&str, &[u8])] = &[
    ("good", ALICE),
    ("of another password", b"\0alice\0other"),
    ("of nobody", b"\0carol\0secret"),
    ("with itself as authzid", b"alice\0alice\0secret"),
    ("with another authzid", b"bob\0alice\0secret"),
    ("of nothing", b""),
    ("of two parts", b"\0alice"),
    ("of four parts", b"\0alice\0secret\0more"),
    ("without a name", b"\0\0secret"),
    ("without a password", b"\0alice\0"),
    ("no text", b"\xff\0alice\0secret"),
];

/// First messages that are refused as such: whether a name is known shows later in ours.
const SCRAM: &[(&str, &[u8])] = &[
    ("of nothing", b""),
    ("with channel binding", b"p=tls-unique,,n=alice,r=abc"),
    ("that could bind", b"y,,n=alice,r=abc"),
    ("without a nonce", b"n,,n=alice"),
    ("with an escape that is none", b"n,,n=al=2Dice,r=abc"),
    ("with a mandatory extension", b"n,,m=x,n=alice,r=abc"),
    ("random", b"\x00\x01\x02\xff"),
];

fn renewals() -> Vec<Scenario> {
    let logged_in = |more: Vec<Step>| {
        let mut steps = vec![shake("PLAIN", 1), token(ALICE, 2), ask()];
        steps.extend(more);
        steps
    };
    let later = || Step::Wait(Duration::from_millis(1200));
    vec![
        ("renewal at once".into(), logged_in(vec![shake("PLAIN", 1), token(ALICE, 2), ask()])),
        (
            "two renewals at once".into(),
            logged_in(vec![shake("PLAIN", 1), token(ALICE, 2), shake("PLAIN", 1), ask()]),
        ),
        (
            "two renewals".into(),
            logged_in(vec![
                shake("PLAIN", 1),
                token(ALICE, 2),
                later(),
                shake("PLAIN", 1),
                token(ALICE, 2),
                ask(),
            ]),
        ),
        ("renewal by another".into(), logged_in(vec![later(), shake("PLAIN", 1), token(BOB, 2), ask()])),
        (
            "renewal by another mechanism".into(),
            logged_in(vec![later(), shake("SCRAM-SHA-256", 1), token(b"n,,n=alice,r=abc", 2), ask()]),
        ),
        (
            "renewal of a wrong password".into(),
            logged_in(vec![shake("PLAIN", 1), token(b"\0alice\0no", 2), ask()]),
        ),
        ("renewal by an unknown mechanism".into(), logged_in(vec![shake("MAGIC", 1), ask()])),
        ("past the end".into(), logged_in(vec![Step::Wait(Duration::from_millis(4300)), ask()])),
        (
            "renewal past the end".into(),
            logged_in(vec![
                Step::Wait(Duration::from_millis(4300)),
                shake("PLAIN", 1),
                token(ALICE, 2),
                ask(),
            ]),
        ),
    ]
}

/// A careful request of any API.
fn request(key: ApiKey, version: i16) -> Step {
    let api = APIS.iter().find(|api| api.key == key).expect("an API");
    let recipe = Recipe { version, seed: 1, serial: 1, is_bad: false, oddity: None };
    let made = (api.make)(recipe, &|_| uuid::Uuid::nil(), &Names::default());
    Step::Send(made.frame, key, version)
}

fn send<R: Request>(request: &R, version: i16) -> Step {
    // A version that there is not has the layout of the last one.
    let known = version.min(R::MESSAGE.versions.last);
    let mut frame = request_frame(request, known, 1, Some("compare")).expect("encodes").concat();
    frame[header::LENGTH_SIZE + 2..][..2].copy_from_slice(&version.to_be_bytes());
    Step::Send(frame, R::KEY, version)
}

pub fn greet(version: i16) -> Step {
    let request = api_versions::Request {
        client_software_name: "compare".to_owned(),
        client_software_version: "1".to_owned(),
        ..api_versions::Request::default()
    };
    send(&request, version)
}

pub fn shake(mechanism: &str, version: i16) -> Step {
    send(&sasl_handshake::Request { mechanism: mechanism.to_owned() }, version)
}

pub fn token(bytes: &[u8], version: i16) -> Step {
    send(&sasl_authenticate::Request { auth_bytes: bytes.to_vec().into() }, version)
}

/// A request that has an answer for who is served.
pub fn ask() -> Step {
    send(&nothing_asked(), 9)
}

pub fn nothing_asked() -> metadata::Request {
    metadata::Request { topics: Some(Vec::new()), ..metadata::Request::default() }
}

/// The outcomes at both, who are asked at one time.
pub fn play_both(connections: [Connection; 2], steps: &[Step]) -> [Vec<String>; 2] {
    std::thread::scope(|scope| {
        let playing = connections.map(|connection| scope.spawn(move || play(connection, steps)));
        playing.map(|playing| playing.join().expect("is played"))
    })
}

/// The outcome of each step, in words.
pub fn play(mut connection: Connection, steps: &[Step]) -> Vec<String> {
    let mut seen = Vec::new();
    for step in steps {
        let (frame, is_raw) = match step {
            Step::Wait(time) => {
                std::thread::sleep(*time);
                continue;
            }
            Step::Send(frame, ..) => (frame.clone(), false),
            Step::Raw(bytes) => ([&(bytes.len() as u32).to_be_bytes()[..], bytes].concat(), true),
        };
        seen.push(match connection.try_exchange(&frame) {
            Reply::Closed => "closed".to_owned(),
            Reply::Silence => "silence".to_owned(),
            Reply::Frame(answer) if is_raw => format!("token {answer:?}"),
            Reply::Frame(answer) => match step {
                Step::Send(_, key, version) => told(*key, *version, &answer),
                Step::Raw(_) | Step::Wait(_) => unreachable!("they have no header"),
            },
        });
        if seen.last().is_some_and(|last| last == "closed") {
            break;
        }
    }
    seen
}

/// An answer, as far as it is about the login.
fn told(key: ApiKey, version: i16, answer: &bytes::Bytes) -> String {
    let api = APIS.iter().find(|api| api.key == key).expect("an API");
    let is_known = (api.versions.first..=api.versions.last).contains(&version);
    let shown = (api.read)(answer, if is_known { version } else { 0 }, &Names::default());
    match key {
        ApiKey::SaslHandshake => {
            // Kafka's are in the order of a hash table.
            let mechanisms = shown["mechanisms"].as_array().cloned().unwrap_or_default();
            let mechanisms: BTreeSet<String> = mechanisms.iter().map(ToString::to_string).collect();
            format!("SaslHandshake {} {mechanisms:?}", shown["error_code"])
        }
        ApiKey::SaslAuthenticate => format!(
            "SaslAuthenticate {} {} {} life {}",
            shown["error_code"],
            shown["error_message"],
            shown["auth_bytes"],
            (shown["session_lifetime_ms"].as_i64().unwrap_or_default() + 999) / 1000,
        ),
        ApiKey::ApiVersions => format!("ApiVersions {}", shown["error_code"]),
        key => format!("{key:?}"),
    }
}
