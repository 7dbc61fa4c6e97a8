//! Logins by SCRAM as clients do them, and as attackers do.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;

use super::keys::{self, salted_password};
use super::{derive, password_key};
use crate::auth::{
    Authenticator, Credentials, Exchange, Login, Mechanism, Principal, Refusal, SaltKey, Scram,
    ScramCredential, Step, UserSources, Users,
};
use crate::runtime::{Runtime, Secret};

/// Credentials of `carol` and `dave`, as a cluster has them.
struct Stored(HashMap<(Scram, &'static str), Arc<ScramCredential>>);

impl Credentials for Stored {
    fn scram(&self, mechanism: Scram, user: &str) -> Option<Arc<ScramCredential>> {
        let found = self.0.iter().find(|((of, name), _)| *of == mechanism && *name == user);
        found.map(|(_, credential)| Arc::clone(credential))
    }

    fn salt_key(&self) -> Option<SaltKey> {
        Some(SaltKey::new([5; 32]))
    }
}

static STORED: LazyLock<Arc<Stored>> = LazyLock::new(|| {
    let of = |mechanism, name, password, salt: &str| {
        let credential = derive(mechanism, &password_key(mechanism, password), salt.into());
        ((mechanism, name), Arc::new(credential))
    };
    let all = [
        of(Scram::Sha256, "carol", "see", "salt-of-carol"),
        of(Scram::Sha512, "carol", "see", "other-salt-of-carol"),
        of(Scram::Sha256, "dave", "dee", "salt-of-dave"),
        of(Scram::Sha256, "bob", "stored", "salt-of-bob"),
    ];
    Arc::new(Stored(HashMap::from(all)))
});

/// `alice` and `bob` are users of the process; `bob` has a stored credential too.
fn authenticator(seed: u64) -> Arc<Authenticator> {
    let runtime = Runtime::simulated(seed);
    let list = Some(Secret::new("alice:wonderland,bob:listed"));
    let users = Users::open(&UserSources { list, file: None }, &runtime).expect("users");
    Arc::new(Authenticator::new(Arc::new(users), STORED.clone(), None, &runtime))
}

/// A client, and the proof that it makes of what it was asked.
struct Client {
    mechanism: Scram,
    password: &'static str,
    bare: String,
    /// Sent in front of the nonce.
    before_nonce: String,
}

const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";

impl Client {
    fn new(mechanism: Scram, name: &str, password: &'static str) -> Client {
        Client { mechanism, password, bare: format!("n={name},r={NONCE}"), before_nonce: String::new() }
    }

    fn first(&self) -> Vec<u8> {
        format!("n,,{}", self.bare).into_bytes()
    }

    /// The final message, and the signature that the server has to give.
    fn last(&self, challenge: &[u8]) -> (String, String) {
        let challenge = std::str::from_utf8(challenge).expect("text");
        let mut parts = challenge.splitn(3, ',').map(|part| &part[2..]);
        let mut next = || parts.next().expect("three parts");
        let (nonce, salt, iterations) = (next(), next(), next());
        let salt = BASE64.decode(salt).expect("base64");
        let without_proof = format!("c=biws,r={}{nonce}", self.before_nonce);
        let said = format!("{},{challenge},{without_proof}", self.bare);
        let password = hmac::Key::new(self.mechanism.hmac(), self.password.as_bytes());
        let salted = salted_password(&password, &salt, iterations.parse().expect("a number"));
        let mut proof = self.mechanism.sign(&salted, b"Client Key").as_ref().to_vec();
        let stored_key = self.mechanism.hash(&proof);
        keys::xor(&mut proof, self.mechanism.sign(stored_key.as_ref(), said.as_bytes()).as_ref());
        let server_key = self.mechanism.sign(&salted, b"Server Key");
        let signature = self.mechanism.sign(server_key.as_ref(), said.as_bytes());
        let last = format!("{without_proof},p={}", BASE64.encode(proof));
        (last, format!("v={}", BASE64.encode(signature)))
    }
}

async fn challenge(exchange: &mut Exchange, client: &Client) -> Vec<u8> {
    match exchange.step(&client.first()).await {
        Step::Challenge(challenge) => challenge,
        other => panic!("no challenge: {other:?}"),
    }
}

/// The outcome of a whole login.
async fn log_in(client: &Client) -> Result<Login, Refusal> {
    let mut exchange = authenticator(1).begin(client.mechanism.mechanism());
    let challenge = challenge(&mut exchange, client).await;
    let (last, signature) = client.last(&challenge);
    match exchange.step(last.as_bytes()).await {
        Step::Done { last, login } => {
            assert_eq!(last, signature.into_bytes(), "the server proves itself too");
            Ok(login)
        }
        Step::Refused(refusal) => Err(refusal),
        Step::Challenge(_) => panic!("another challenge"),
    }
}

fn user(name: &str) -> Result<Login, Refusal> {
    Ok(Login::of(Principal::user(name).expect("a name")))
}

#[tokio::test]
async fn who_knows_the_password_is_let_in() {
    for mechanism in Scram::ALL {
        assert_eq!(log_in(&Client::new(mechanism, "carol", "see")).await, user("carol"));
        assert_eq!(log_in(&Client::new(mechanism, "alice", "wonderland")).await, user("alice"));
    }
    assert_eq!(log_in(&Client::new(Scram::Sha256, "bob", "stored")).await, user("bob"), "stored ones win");
    assert!(log_in(&Client::new(Scram::Sha256, "bob", "listed")).await.is_err());
    assert_eq!(log_in(&Client::new(Scram::Sha512, "bob", "listed")).await, user("bob"));
}

#[tokio::test]
async fn everybody_else_is_told_the_same_at_the_end() {
    for (name, password, reason) in [
        ("carol", "sea", "\"carol\": the proof is wrong"),
        ("alice", "see", "\"alice\": the proof is wrong"),
        ("eve", "see", "\"eve\": there is no such user"),
        ("CAROL", "see", "\"CAROL\": there is no such user"),
    ] {
        for mechanism in Scram::ALL {
            let refused = log_in(&Client::new(mechanism, name, password)).await;
            assert_eq!(refused, Err(Refusal::of(mechanism.mechanism(), reason)));
        }
    }
}

#[tokio::test]
async fn unknown_names_have_salts_that_stay() {
    let parts = async |seed, name: &str| {
        let client = Client::new(Scram::Sha256, name, "x");
        let mut exchange = authenticator(seed).begin(Mechanism::ScramSha256);
        let challenge = String::from_utf8(challenge(&mut exchange, &client).await).expect("text");
        let (nonce, rest) = challenge.split_once(',').expect("parts");
        (nonce.to_owned(), rest.to_owned())
    };
    let (nonce, salt) = parts(1, "eve").await;
    let (other_nonce, same_salt) = parts(2, "eve").await;
    assert_eq!(salt, same_salt, "on every broker");
    assert!(salt.ends_with(",i=4096"));
    assert_ne!(nonce, other_nonce);
    assert!(nonce.len() >= "r=fyko+d2lbbFgONRv9qkxdawL".len() + 22, "128 bits at least");
    let (_, of_alice) = parts(1, "alice").await;
    assert_ne!(salt, of_alice);
    assert!(of_alice.ends_with(",i=4096"), "users of the process look the same");
    assert_eq!(of_alice.len().abs_diff(salt.len()) % 4, 0);
}

#[tokio::test]
async fn first_messages_that_are_refused_at_once() {
    for message in ["", "n,,n=*,r=abc", "n,,n=,r=abc", "n,a=dave,n=carol,r=abc", "y,,n=carol,r=abc"] {
        let mut exchange = authenticator(1).begin(Mechanism::ScramSha256);
        assert!(matches!(exchange.step(message.as_bytes()).await, Step::Refused(_)), "{message}");
        let again = exchange.step(&Client::new(Scram::Sha256, "carol", "see").first()).await;
        assert!(matches!(again, Step::Refused(_)), "a login that failed is over");
    }
}

#[tokio::test]
async fn a_delegation_token_is_nobody() {
    let mut client = Client::new(Scram::Sha256, "carol", "see");
    client.bare.push_str(",tokenauth=true");
    assert!(log_in(&client).await.is_err());
    let mut client = Client::new(Scram::Sha256, "carol", "see");
    client.bare.push_str(",other=true");
    assert_eq!(log_in(&client).await, user("carol"), "what nobody needs to know is passed over");
}

#[tokio::test]
async fn one_may_name_oneself_as_the_one_to_act_as() {
    let client = Client::new(Scram::Sha256, "carol", "see");
    let mut exchange = authenticator(1).begin(Mechanism::ScramSha256);
    let first = format!("n,a=carol,{}", client.bare);
    let Step::Challenge(asked) = exchange.step(first.as_bytes()).await else { panic!("no challenge") };
    let (last, _) = client.last(&asked);
    let refused = exchange.step(last.as_bytes()).await;
    let reason = "the header is not that of the first message";
    assert_eq!(refused, Step::Refused(Refusal::of(Mechanism::ScramSha256, reason)));
}

#[tokio::test]
async fn a_nonce_whose_own_part_stands_in_front_once_more_is_taken_and_no_other() {
    let with = |before: String| Client { before_nonce: before, ..Client::new(Scram::Sha256, "carol", "see") };
    assert_eq!(log_in(&with(NONCE.to_owned())).await, user("carol"));
    for before in ["x".to_owned(), format!("{NONCE}{NONCE}"), NONCE[1..].to_owned(), NONCE[..5].to_owned()] {
        assert!(log_in(&with(before.clone())).await.is_err(), "{before}");
    }
}

#[tokio::test]
async fn a_proof_is_of_use_once() {
    let authenticator = authenticator(1);
    let client = Client::new(Scram::Sha256, "carol", "see");
    let mut exchange = authenticator.begin(Mechanism::ScramSha256);
    let (last, _) = client.last(&challenge(&mut exchange, &client).await);
    assert!(matches!(exchange.step(last.as_bytes()).await, Step::Done { .. }));
    assert!(matches!(exchange.step(last.as_bytes()).await, Step::Refused(_)));
    let mut another = authenticator.begin(Mechanism::ScramSha256);
    challenge(&mut another, &client).await;
    let refused = another.step(last.as_bytes()).await;
    let reason = "the nonce is not that of this login";
    assert_eq!(refused, Step::Refused(Refusal::of(Mechanism::ScramSha256, reason)));
}

#[tokio::test]
async fn oauth_is_refused_where_nobody_issues_tokens() {
    let mut exchange = authenticator(1).begin(Mechanism::OAuthBearer);
    assert!(matches!(exchange.step(b"n,,\x01auth=Bearer x\x01\x01").await, Step::Refused(_)));
}

/// Ways to make another message of a right one.
#[derive(Clone, Debug)]
enum Harm {
    Cut(usize),
    Flip(usize, u8),
    Insert(usize, u8),
    Swap(usize, usize),
    /// The nonce ends after so many characters.
    CutNonce(usize),
    ProofOf(&'static str, &'static str),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (0..200usize).prop_map(Harm::Cut),
        (0..200usize, 1..=255u8).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        (0..200usize, any::<u8>()).prop_map(|(at, byte)| Harm::Insert(at, byte)),
        (0..3usize, 0..3usize).prop_map(|(one, two)| Harm::Swap(one, two)),
        (0..55usize).prop_map(Harm::CutNonce),
        Just(Harm::ProofOf("dave", "dee")),
        Just(Harm::ProofOf("carol", "sea")),
    ]
}

fn harmed(right: &str, harm: &Harm, challenge: &[u8]) -> Vec<u8> {
    let mut bytes = right.as_bytes().to_vec();
    let mut parts: Vec<&str> = right.split(',').collect();
    match harm {
        Harm::Cut(at) => bytes.truncate(*at),
        Harm::Flip(at, bits) => {
            let at = at % bytes.len();
            bytes[at] ^= bits;
        }
        Harm::Insert(at, byte) => bytes.insert(at % (bytes.len() + 1), *byte),
        Harm::Swap(one, two) => {
            parts.swap(*one, *two);
            bytes = parts.join(",").into_bytes();
        }
        Harm::CutNonce(length) => {
            let cut = &parts[1][..parts[1].len().min(2 + length)];
            bytes = [parts[0], cut, parts[2]].join(",").into_bytes();
        }
        Harm::ProofOf(name, password) => {
            bytes = Client::new(Scram::Sha256, name, password).last(challenge).0.into_bytes();
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn only_the_right_proof_is_taken(harm in harm(), seed in any::<u64>()) {
        let client = Client::new(Scram::Sha256, "carol", "see");
        let world = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let taken = world.block_on(async {
            let mut exchange = authenticator(seed).begin(Mechanism::ScramSha256);
            let asked = challenge(&mut exchange, &client).await;
            let (right, _) = client.last(&asked);
            let message = harmed(&right, &harm, &asked);
            let is_right = message == right.as_bytes();
            (is_right, matches!(exchange.step(&message).await, Step::Done { .. }))
        });
        prop_assert_eq!(taken.0, taken.1, "{:?}", harm);
    }
}
