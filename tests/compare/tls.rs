//! TLS beside Apache Kafka's: handshakes with every kind of certificate, what a client is then called, logins within, and
//! clients that speak something else.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use kafkaesque::protocol::header::request_frame;
use kafkaesque::protocol::messages::api_versions;
use kafkaesque::tls::provider;
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion};

use crate::connection::{Connection, connect, encrypt, is_late};
use crate::described;
use crate::doors::{Doors, LISTENERS};
use crate::logins::{self, ALICE, Step, ask, greet, play, shake, token};
use crate::scram::{Hash, log_in, store};

const VERSIONS: [(&str, &SupportedProtocolVersion); 2] = [("1.2", &TLS12), ("1.3", &TLS13)];

/// Greetings that are no TLS, or an old one.
const NO_TLS: &[&str] = &["a request", "HTTP", "zeros", "letters", "data before a handshake"];
const OLD: &[&str] = &["TLS 1.0", "TLS 1.1", "SSL 3"];

/// Differences, each with the scenario that shows it.
#[derive(Default)]
pub struct Tally {
    count: usize,
    differing: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, name: &str, [ours, theirs]: [String; 2]) {
        self.count += 1;
        if ours != theirs && permitted(name, &ours, &theirs).is_none() {
            self.differing.push(format!("{name}:\n  ours   {ours}\n  theirs {theirs}"));
        }
    }
}

/// Differences that are meant, each with its reason.
fn permitted(name: &str, ours: &str, theirs: &str) -> Option<&'static str> {
    const ALERTS: &[(&str, &str)] = &[
        ("CertificateExpired", "CertificateUnknown"),
        ("UnknownCA", "CertificateUnknown"),
        ("UnsupportedCertificate", "CertificateUnknown"),
        ("CertificateRequired", "BadCertificate"),
    ];
    let refusal = |seen: &str| seen.strip_prefix("refused: ").map(str::to_owned);
    if let (Some(ours), Some(theirs)) = (refusal(ours), refusal(theirs))
        && ALERTS.contains(&(&ours, &theirs))
    {
        return Some("what is wrong with a certificate: Java has one word for most of it");
    }
    let full = || ours.replace("None Some(Resumed)", "Some(X25519) Some(Full)").replace("Resumed", "Full");
    if name.ends_with("once more") && full() == theirs {
        return Some("sessions go on by tickets; Kafka's begin anew");
    }
    if NO_TLS.iter().any(|kind| name.starts_with(kind)) && ours == "closed" && theirs == "alert 2 80, closed"
    {
        return Some("a client without TLS would take an alert for the length of an answer");
    }
    if OLD.iter().any(|kind| name.starts_with(kind))
        && ours == "alert 2 40, closed"
        && theirs == "alert 2 70, closed"
    {
        return Some("which alert an old version gets");
    }
    if name.starts_with("a suite of CBC") && ours == "alert 2 40, closed" && theirs == "a handshake" {
        return Some("suites without authenticated encryption: there are none here");
    }
    if name == "sasl.server.max.receive.size" {
        return Some("strangers get less of the memory");
    }
    if name == "ssl.keystore.location" && ours.contains("broker.pem") && theirs.contains("broker.both") {
        return Some("certificate and key are two files here");
    }
    if name.ends_with("for any purpose, it says") && ours == "refused: UnsupportedCertificate" {
        return Some("a certificate has to name the purpose, or none at all");
    }
    if name.contains("X25519MLKEM768") && ours.contains("MLKEM") && theirs.starts_with("refused") {
        return Some("Java 17 has no such keys");
    }
    None
}

#[test]
fn tls_is_kafkas() {
    let Some(doors) = Doors::open() else { return };
    let mut tally = Tally::default();
    handshakes(&doors, &mut tally);
    algorithms(&doors, &mut tally);
    sessions(&doors, &mut tally);
    others(&doors, &mut tally);
    logins_within(&doors, &mut tally);
    described::compare(&doors, &mut tally);
    crate::tell(&format!("{} ways to meet by TLS, {} differ", tally.count, tally.differing.len()));
    assert!(tally.differing.is_empty(), "{}", tally.differing.join("\n"));
}

/// Every certificate at every door, by both versions.
fn handshakes(doors: &Doors, tally: &mut Tally) {
    let certificates = &doors.certificates;
    for (listener, protocol, _) in LISTENERS.into_iter().filter(|(_, protocol, _)| protocol.ends_with("SSL"))
    {
        for (version, tls) in VERSIONS {
            for own in certificates.names().map(Some).chain([None]) {
                let name =
                    format!("{protocol} {listener}, TLS {version}, certificate {}", own.unwrap_or("none"),);
                let [our_log, _] = doors.brokers.logs();
                let client = || certificates.client(own, &[tls]);
                let mut seen = doors.ports(listener).map(|port| meet(port, &client(), &name));
                if protocol == "SSL" && seen.iter().all(|seen| !seen.starts_with("refused")) {
                    let principals = doors.principals(&our_log, &name);
                    seen.iter_mut().zip(principals).for_each(|(seen, name)| *seen += &format!(", {name}"));
                }
                tally.add(&name, seen);
            }
        }
    }
}

/// Clients that have one suite, or one group, alone.
fn algorithms(doors: &Doors, tally: &mut Tally) {
    let all = provider();
    let mut only = |name: String, provider: CryptoProvider| {
        let client = || doors.certificates.client_of(None, &[&TLS12, &TLS13], &Arc::new(provider.clone()));
        tally.add(&name, doors.ports("ANY").map(|port| meet(port, &client(), "compare")));
    };
    for suite in &all.cipher_suites {
        let provider = CryptoProvider { cipher_suites: vec![*suite], ..(*all).clone() };
        only(format!("suite {:?}", suite.suite()), provider);
    }
    for group in &all.kx_groups {
        let provider = CryptoProvider { kx_groups: vec![*group], ..(*all).clone() };
        only(format!("group {:?}", group.name()), provider);
    }
}

/// A client that comes again with the session that it had.
fn sessions(doors: &Doors, tally: &mut Tally) {
    for listener in ["ANY", "ASKED"] {
        for (version, tls) in VERSIONS {
            let name = format!("{listener}, TLS {version}, once more");
            let clients = [0, 1].map(|_| doors.certificates.client(Some("good"), &[tls]));
            let meet_both = |id: &str| {
                let [ours, theirs] = doors.ports(listener);
                [meet(ours, &clients[0], id), meet(theirs, &clients[1], id)]
            };
            meet_both("first");
            let [our_log, _] = doors.brokers.logs();
            let mut seen = meet_both(&name);
            let principals = doors.principals(&our_log, &name);
            seen.iter_mut().zip(principals).for_each(|(seen, name)| *seen += &format!(", {name}"));
            tally.add(&name, seen);
        }
    }
}

/// Clients that speak TLS where it is not spoken, and others where it is.
fn others(doors: &Doors, tally: &mut Tally) {
    let plain = [doors.brokers.our_port, doors.brokers.their_port];
    for (name, ports) in [("PLAINTEXT", plain), ("SASL_PLAINTEXT", doors.ports("BARE"))] {
        for (version, tls) in VERSIONS {
            let client = doors.certificates.client(None, &[tls]);
            let seen = ports.map(|port| meet(port, &client, "compare"));
            tally.add(&format!("TLS {version} at {name}"), seen);
        }
    }
    let Step::Send(frame, ..) = greet(3) else { unreachable!("it has a header") };
    let cases: [(&str, Vec<u8>); 10] = [
        ("a request", frame),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("zeros", vec![0; 64]),
        ("letters", vec![b'x'; 64]),
        ("TLS 1.0", hello([3, 1], CBC)),
        ("TLS 1.1", hello([3, 2], CBC)),
        ("SSL 3", hello([3, 0], CBC)),
        ("a suite of CBC", hello([3, 3], CBC)),
        ("a suite that nobody has", hello([3, 3], RC4)),
        ("data before a handshake", [&[23, 3, 3, 0, 16][..], &[7; 16]].concat()),
    ];
    for listener in ["ANY", "LOGIN"] {
        for (name, bytes) in &cases {
            let seen = doors.ports(listener).map(|port| answer_to(port, bytes));
            tally.add(&format!("{name} at {listener}"), seen);
        }
    }
}

/// TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA and TLS_RSA_WITH_RC4_128_SHA.
const CBC: [u8; 2] = [0xc0, 0x09];
const RC4: [u8; 2] = [0x00, 0x05];

/// A hello of an old client, with one suite.
fn hello(version: [u8; 2], suite: [u8; 2]) -> Vec<u8> {
    let body = [&version[..], &[7; 32], &[0, 0, 2], &suite, &[1, 0]].concat();
    let handshake = [&[1, 0, 0, body.len() as u8][..], &body].concat();
    [&[22, 3, 1, 0, handshake.len() as u8][..], &handshake].concat()
}

/// All that comes until the end, or that a handshake begins.
fn answer_to(port: u16, bytes: &[u8]) -> String {
    let mut stream = connect(port);
    stream.write_all(bytes).expect("the broker reads");
    let mut first = [0; 1024];
    let length = stream.read(&mut first).unwrap_or_default();
    if first.starts_with(&[22]) {
        return "a handshake".to_owned();
    }
    let mut answer = first[..length].to_vec();
    let end = match stream.read_to_end(&mut answer) {
        Err(error) if is_late(&error) => "silence",
        _ => "closed",
    };
    match answer[..] {
        [] => end.to_owned(),
        [21, _, _, 0, 2, level, alert] => format!("alert {level} {alert}, {end}"),
        _ => format!("{answer:?}, {end}"),
    }
}

/// Logins as without TLS, but for those that ask each API, or wait.
fn logins_within(doors: &Doors, tally: &mut Tally) {
    let certificates = &doors.certificates;
    for (listener, own) in [("LOGIN", None), ("BOTH", Some("good"))] {
        let client = || certificates.client(own, &[&TLS12, &TLS13]);
        let ports = doors.ports(listener);
        let with_certificate = |(name, _): &logins::Scenario| own.is_none() || name.contains("2");
        for (name, steps) in logins::quick_scenarios().into_iter().filter(with_certificate) {
            let [ours, theirs] =
                logins::play_both(ports.map(|port| Connection::encrypted(port, &client())), &steps);
            if logins::permitted(&name, &ours, &theirs).is_none() {
                tally.add(&format!("{listener}: {name}"), [ours, theirs].map(|seen| seen.join(", ")));
            }
        }
        let [our_log, _] = doors.brokers.logs();
        let id = format!("whoever logs in at {listener}");
        let named = [shake("PLAIN", 1), token(ALICE, 2), ask_as(&id)];
        let mut seen = ports.map(|port| play(Connection::encrypted(port, &client()), &named).join(", "));
        let principals = doors.principals(&our_log, &id);
        seen.iter_mut().zip(principals).for_each(|(seen, name)| *seen += &format!(", {name}"));
        tally.add(&id, seen);
    }
    let plain = [doors.brokers.our_port, doors.brokers.their_port];
    for hash in [Hash::Sha256, Hash::Sha512] {
        for port in plain {
            store(&mut Connection::new(port), hash, "carol", "see", 8192);
        }
        for (name, password) in [("carol", "see"), ("carol", "nothing")] {
            let client = || certificates.client(None, &[&TLS12, &TLS13]);
            let seen = doors.ports("LOGIN").map(|port| {
                log_in(&mut Connection::encrypted(port, &client()), hash, name, password).join(", ")
            });
            tally.add(&format!("{} of {name} with {password}", hash.mechanism()), seen);
        }
    }
}

/// A request for which who is served gets an answer.
fn ask_as(id: &str) -> Step {
    let Step::Send(_, key, version) = ask() else { unreachable!("it has a header") };
    let request = logins::nothing_asked();
    Step::Send(request_frame(&request, version, 1, Some(id)).expect("encodes").concat(), key, version)
}

/// One connection with one request.
fn meet(port: u16, client: &Arc<ClientConfig>, id: &str) -> String {
    let mut stream = encrypt(connect(port), client);
    let request = api_versions::Request {
        client_software_name: "compare".to_owned(),
        client_software_version: "1".to_owned(),
        ..api_versions::Request::default()
    };
    let frame = request_frame(&request, 3, 1, Some(id)).expect("encodes").concat();
    let mut length = [0; 4];
    let sent = stream.write_all(&frame).and_then(|()| stream.flush());
    if let Err(error) = sent.and_then(|()| stream.read_exact(&mut length)) {
        return format!("refused: {}", alert(&mut stream).unwrap_or_else(|| cause(&error)));
    }
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("the whole answer");
    let tls = &stream.conn;
    let suite = tls.negotiated_cipher_suite().map(|suite| suite.suite());
    let group = tls.negotiated_key_exchange_group().map(|group| group.name());
    // The code stands behind the correlation id.
    format!("{suite:?} {group:?} {:?}: ApiVersions {}", tls.handshake_kind(), answer[5])
}

/// The alert that came before the end, if one did: a client that has just written may see the end first.
fn alert(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> Option<String> {
    while stream.conn.read_tls(&mut stream.sock).is_ok_and(|read| read > 0) {
        if let Err(rustls::Error::AlertReceived(alert)) = stream.conn.process_new_packets() {
            return Some(format!("{alert:?}"));
        }
    }
    None
}

/// The end of a connection in words.
fn cause(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => format!("{alert:?}"),
        Some(other) => other.to_string(),
        None if is_late(error) => "silence".to_owned(),
        None => "closed".to_owned(),
    }
}
