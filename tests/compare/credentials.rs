//! SCRAM credentials beside Apache Kafka's: set, told and deleted in every wrong way, and logins by what was stored.

use std::time::Duration;

use kafkaesque::protocol::codec::Request;
use kafkaesque::protocol::messages::alter_user_scram_credentials::{
    self as alter, ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafkaesque::protocol::messages::describe_user_scram_credentials::{self as describe, UserName};
use serde_json::Value as Json;

use crate::brokers::Brokers;
use crate::connection::Connection;
use crate::differences::differences;
use crate::free_port::free_port;
use crate::scram::{Hash, log_in};
use crate::shape::{self, Names};

/// Logins have an end, so that they can be renewed before it.
const THEIR_LOGINS: &str = "connections.max.reauth.ms=60000
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
";
const UNICODE: &str = "ünï çødé";
const SALT: &[u8] = b"salt of a user";
/// Kafka's broker hears of what its controller did a little later.
const TRIES: usize = 50;

/// A change: a deletion without iterations.
#[derive(Clone, Copy)]
struct Change<'a> {
    user: &'a str,
    mechanism: i8,
    upsertion: Option<Upsertion<'a>>,
}

#[derive(Clone, Copy)]
struct Upsertion<'a> {
    iterations: i32,
    salt: &'a [u8],
    /// The salted password is made of it; none sends none.
    password: Option<&'a str>,
}

fn set(user: &str, mechanism: i8) -> Change<'_> {
    iterated(user, mechanism, 4096)
}

fn iterated(user: &str, mechanism: i8, iterations: i32) -> Change<'_> {
    let upsertion = Upsertion { iterations, salt: SALT, password: Some("secret") };
    Change { user, mechanism, upsertion: Some(upsertion) }
}

fn delete(user: &str, mechanism: i8) -> Change<'_> {
    Change { user, mechanism, upsertion: None }
}

impl Change<'_> {
    fn upsertion(&self) -> Option<ScramCredentialUpsertion> {
        let Upsertion { iterations, salt, password } = self.upsertion?;
        let hash = if self.mechanism == 2 { Hash::Sha512 } else { Hash::Sha256 };
        let salted = |password| hash.salted(password, salt, iterations.clamp(1, 16_384) as u32);
        Some(ScramCredentialUpsertion {
            name: self.user.to_owned(),
            mechanism: self.mechanism,
            iterations,
            salt: salt.to_vec().into(),
            salted_password: password.map(salted).unwrap_or_default().into(),
        })
    }

    fn deletion(&self) -> Option<ScramCredentialDeletion> {
        let deletion = ScramCredentialDeletion { name: self.user.to_owned(), mechanism: self.mechanism };
        self.upsertion.is_none().then_some(deletion)
    }
}

/// Both brokers, and how they differed.
struct Pair {
    plain: [u16; 2],
    logins: [u16; 2],
    differing: Vec<String>,
    count: usize,
    _brokers: Brokers,
}

impl Pair {
    fn start() -> Option<Pair> {
        let (our_plain, ours, theirs) = (free_port(), free_port(), free_port());
        let their_settings = format!("SASL_PLAINTEXT://127.0.0.1:{theirs}\n{THEIR_LOGINS}");
        let listeners = format!("PLAINTEXT://127.0.0.1:{our_plain},SASL_PLAINTEXT://127.0.0.1:{ours}");
        let variables = [
            ("LISTENERS", listeners.as_str()),
            ("SASL_MECHANISMS", "SCRAM-SHA-256,SCRAM-SHA-512"),
            ("SASL_MAX_REAUTH_MS", "60000"),
        ];
        let brokers = Brokers::with(our_plain, &their_settings, &variables)?;
        let plain = [our_plain, brokers.their_port];
        Some(Pair { plain, logins: [ours, theirs], differing: Vec::new(), count: 0, _brokers: brokers })
    }

    fn ask<R: Request>(&self, request: &R) -> [Json; 2] {
        self.plain.map(|port| {
            let answer = Connection::new(port).ask(request, 0);
            shape::show(&answer, 0, &Names::default())
        })
    }

    fn alter(&mut self, name: &str, changes: &[Change<'_>]) {
        let request = alter::Request {
            deletions: changes.iter().filter_map(Change::deletion).collect(),
            upsertions: changes.iter().filter_map(Change::upsertion).collect(),
        };
        let answers = self.ask(&request);
        self.compare(name, &answers);
        self.describe(&format!("{name}: what is there then"), None);
    }

    fn describe(&mut self, name: &str, users: Option<&[&str]>) {
        let named = |name: &&str| UserName { name: (*name).to_owned() };
        let request = describe::Request { users: users.map(|users| users.iter().map(named).collect()) };
        let mut answers = self.ask(&request);
        for _ in 0..TRIES {
            if answers[0] == answers[1] {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
            answers = self.ask(&request);
        }
        self.compare(name, &answers);
    }

    fn compare(&mut self, name: &str, [ours, theirs]: &[Json; 2]) {
        self.count += 1;
        if !differences(ours, theirs).is_empty() && permitted(name).is_none() {
            self.differing.push(format!("{name}:\n  ours   {ours}\n  theirs {theirs}"));
        }
    }

    fn log_in(&mut self, hash: Hash, user: &str, password: &str, is_known: bool) {
        let name = format!("{} of {user:?} with {password}", hash.mechanism());
        let play = |port| log_in(&mut Connection::new(port), hash, user, password);
        let [ours, mut theirs] = self.logins.map(play);
        let is_let_in = |seen: &[String]| seen.iter().any(|step| step.contains("Some(true)"));
        let is_alike = |theirs: &[String]| match is_known {
            true => ours == theirs || permitted(&name).is_some(),
            // A name that nobody has is asked through to the proof.
            false => !is_let_in(&ours) && !is_let_in(theirs),
        };
        for _ in 0..TRIES {
            if is_alike(&theirs) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
            theirs = play(self.logins[1]);
        }
        self.count += 1;
        if !is_alike(&theirs) {
            self.differing.push(format!("{name}:\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
}

/// Logins that are renewed by the same user, and by others.
fn renewed(pair: &mut Pair) {
    pair.alter("one who stays", &[set("judy", 1)]);
    pair.alter("another one", &[set("mallory", 1)]);
    pair.log_in(Hash::Sha256, "judy", "secret", true);
    pair.log_in(Hash::Sha256, "mallory", "secret", true);
    for (user, password) in [("judy", "secret"), ("judy", "another"), ("mallory", "secret")] {
        let seen = pair.logins.map(|port| {
            let mut connection = Connection::new(port);
            let first = log_in(&mut connection, Hash::Sha256, "judy", "secret");
            vec![first, log_in(&mut connection, Hash::Sha256, user, password)]
        });
        pair.compare(&format!("a login by judy, renewed by {user} with {password}"), &seen.map(Json::from));
    }
}

const NOBODYS: &str = "a name that nobody can have";

/// Differences that are meant, each with its reason.
fn permitted(name: &str) -> Option<&'static str> {
    match name {
        name if name.starts_with(NOBODYS) => {
            Some("names and salts that are refused at a login, or are too long")
        }
        "no salted password" => Some("Kafka's own handler fails"),
        name if name.contains(UNICODE) => Some("Kafka's logins take names of ASCII letters alone"),
        _ => None,
    }
}

#[test]
fn scram_credentials_are_kafkas() {
    let Some(mut pair) = Pair::start() else { return };
    one_change(&mut pair);
    several_changes(&mut pair);
    questions(&mut pair);
    stored(&mut pair);
    renewed(&mut pair);
    let Pair { count, differing, .. } = &pair;
    crate::tell(&format!("{count} answers about SCRAM credentials, {} differ", differing.len()));
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn one_change(pair: &mut Pair) {
    pair.describe("nobody is there", None);
    pair.alter("nothing", &[]);
    for mechanism in [-1, 0, 1, 2, 3, 127] {
        pair.alter(&format!("set {mechanism}"), &[set("alice", mechanism)]);
        pair.alter(&format!("set {mechanism} of no name"), &[set("", mechanism)]);
        pair.alter(&format!("delete {mechanism} of nobody"), &[delete("nobody", mechanism)]);
        pair.alter(&format!("delete {mechanism} of no name"), &[delete("", mechanism)]);
    }
    for iterations in [i32::MIN, -1, 0, 1, 4095, 4096, 16_384, 16_385, i32::MAX] {
        for mechanism in [0, 1, 2] {
            let change = iterated("bob", mechanism, iterations);
            pair.alter(&format!("{iterations} iterations of {mechanism}"), &[change]);
        }
    }
    let with = |salt, password| {
        let upsertion = Upsertion { iterations: 4096, salt, password };
        Change { upsertion: Some(upsertion), ..set("carol", 1) }
    };
    pair.alter("an empty salt", &[with(b"", Some("secret"))]);
    pair.alter("no salted password", &[with(SALT, None)]);
    pair.alter("no salted password", &[with(b"", None)]);
    pair.alter("a long salt", &[with(&[7; 1024], Some("secret"))]);
    for name in ["*", "line\nbreak", &"n".repeat(256)] {
        pair.alter(NOBODYS, &[set(name, 1)]);
        pair.alter(NOBODYS, &[delete(name, 1)]);
    }
    pair.alter(NOBODYS, &[with(&[7; 1025], Some("secret"))]);
    pair.alter("a name of 255 letters", &[set(&"n".repeat(255), 1)]);
    pair.alter("delete one of two", &[delete("alice", 2)]);
    pair.alter("delete it again", &[delete("alice", 2)]);
    pair.alter("delete the last", &[delete("alice", 1)]);
}

fn several_changes(pair: &mut Pair) {
    for (name, changes) in [
        ("set both", vec![set("dave", 1), set("dave", 2)]),
        ("set one twice", vec![set("dave", 1), iterated("dave", 1, 5000)]),
        ("set one three times", vec![set("dave", 1), set("dave", 1), set("dave", 1)]),
        ("set one alone", vec![set("dave", 1)]),
        ("set and delete one", vec![set("dave", 1), delete("dave", 1)]),
        ("set one and delete the other", vec![set("dave", 2), delete("dave", 1)]),
        ("delete one twice", vec![delete("dave", 1), delete("dave", 1)]),
        ("delete both", vec![delete("dave", 1), delete("dave", 2)]),
        ("delete one, and a wrong one", vec![delete("dave", 1), delete("dave", 9)]),
        ("a wrong one twice", vec![set("dave", 9), set("dave", 9)]),
        ("a wrong one and a good one", vec![set("dave", 9), set("dave", 2)]),
        ("a good one and a wrong one", vec![set("dave", 2), iterated("dave", 2, 1)]),
        ("delete what is missing, and set it", vec![delete("erin", 1), set("erin", 1)]),
        ("no name twice", vec![set("", 1), set("", 1)]),
        ("no name, deleted and set", vec![delete("", 1), set("", 1)]),
        ("two, one of them wrong", vec![set("frank", 1), iterated("grace", 1, 1)]),
        ("two deleted, one of them missing", vec![delete("frank", 1), delete("grace", 1)]),
        ("three of whom one is named twice", vec![set("a", 1), set("b", 1), set("b", 2), set("c", 2)]),
    ] {
        pair.alter(name, &changes);
    }
}

fn questions(pair: &mut Pair) {
    pair.alter("somebody to ask for", &[set("heidi", 2)]);
    pair.alter("and the other mechanism", &[iterated("heidi", 1, 8192)]);
    for users in [
        &[][..],
        &["heidi"],
        &["nobody"],
        &[""],
        &["heidi", "heidi"],
        &["nobody", "nobody"],
        &["heidi", "nobody", "a", "heidi"],
        &["heidi", "", "bob", "nobody"],
    ] {
        pair.describe(&format!("asked for {users:?}"), Some(users));
    }
}

/// Credentials that were stored let in, and nothing else does.
fn stored(pair: &mut Pair) {
    pair.alter("a user of both", &[iterated("ivan", 1, 16_384)]);
    pair.alter("and the other of both", &[iterated("ivan", 2, 4096)]);
    for hash in [Hash::Sha256, Hash::Sha512] {
        for password in ["secret", "another"] {
            pair.log_in(hash, "ivan", password, true);
        }
        pair.log_in(hash, "nobody", "secret", false);
    }
    pair.alter("a name to escape", &[set("a,b=c", 1)]);
    pair.log_in(Hash::Sha256, "a=2Cb=3Dc", "secret", true);
    pair.alter("a name with other letters", &[set(UNICODE, 1)]);
    pair.log_in(Hash::Sha256, UNICODE, "secret", true);
    pair.log_in(Hash::Sha256, "heidi", "secret", true);
    pair.alter(
        "another password",
        &[Change {
            upsertion: Some(Upsertion { iterations: 4096, salt: SALT, password: Some("another") }),
            ..set("heidi", 1)
        }],
    );
    for password in ["another", "secret"] {
        pair.log_in(Hash::Sha256, "heidi", password, true);
    }
    pair.alter("heidi goes", &[delete("heidi", 1)]);
    pair.log_in(Hash::Sha256, "heidi", "another", false);
    pair.log_in(Hash::Sha512, "heidi", "secret", true);
}
