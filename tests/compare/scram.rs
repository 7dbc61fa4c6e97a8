//! The client's side of a login by SCRAM (RFC 5802).

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kafkaesque::protocol::messages::alter_user_scram_credentials::{self as alter, ScramCredentialUpsertion};
use kafkaesque::protocol::messages::{sasl_authenticate, sasl_handshake};

use crate::connection::Connection;

const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";

/// A hash that the mechanism is over.
#[derive(Clone, Copy)]
pub enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    pub fn mechanism(self) -> &'static str {
        match self {
            Hash::Sha256 => "SCRAM-SHA-256",
            Hash::Sha512 => "SCRAM-SHA-512",
        }
    }

    /// The number in the APIs of credentials.
    pub fn number(self) -> i8 {
        match self {
            Hash::Sha256 => 1,
            Hash::Sha512 => 2,
        }
    }

    pub fn salted(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        let (algorithm, length) = match self {
            Hash::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            Hash::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        };
        let mut salted = vec![0; length];
        let iterations = iterations.try_into().expect("more than none");
        pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut salted);
        salted
    }

    fn mac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), text).as_ref().to_vec()
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

pub fn first(user: &str) -> Vec<u8> {
    format!("n,,n={user},r={NONCE}").into_bytes()
}

/// The final message, and the signature that the server has to give.
pub fn last(hash: Hash, user: &str, password: &str, challenge: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let challenge = std::str::from_utf8(challenge).expect("text");
    let part = |key: &str| challenge.split(',').find_map(|part| part.strip_prefix(key)).expect("a part");
    let salt = BASE64.decode(part("s=")).expect("base64");
    let salted = hash.salted(password, &salt, part("i=").parse().expect("a count"));
    let client_key = hash.mac(&salted, b"Client Key");
    let without_proof = format!("c=biws,r={}", part("r="));
    let message = format!("n={user},r={NONCE},{challenge},{without_proof}");
    let signature = hash.mac(&hash.digest(&client_key), message.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(key, mask)| key ^ mask).collect();
    let answer = format!("{without_proof},p={}", BASE64.encode(&proof)).into_bytes();
    let expected = hash.mac(&hash.mac(&salted, b"Server Key"), message.as_bytes());
    (answer, format!("v={}", BASE64.encode(expected)).into_bytes())
}

/// Stores a credential, which a login finds a little later.
pub fn store(connection: &mut Connection, hash: Hash, user: &str, password: &str, iterations: u32) {
    let salt = b"salt of a user".to_vec();
    let upsertion = ScramCredentialUpsertion {
        name: user.to_owned(),
        mechanism: hash.number(),
        iterations: iterations as i32,
        salted_password: hash.salted(password, &salt, iterations).into(),
        salt: salt.into(),
    };
    let request = alter::Request { upsertions: vec![upsertion], ..alter::Request::default() };
    let results = connection.ask(&request, 0).results;
    assert!(results.iter().all(|result| result.error_code == 0), "{results:?}");
}

/// A login, step by step.
pub fn log_in(connection: &mut Connection, hash: Hash, user: &str, password: &str) -> Vec<String> {
    let request = sasl_handshake::Request { mechanism: hash.mechanism().to_owned() };
    let mut seen = vec![format!("handshake {}", connection.ask(&request, 1).error_code)];
    let mut step = |bytes: Vec<u8>| {
        let answer = connection.ask(&sasl_authenticate::Request { auth_bytes: bytes.into() }, 2);
        let part = |key: &str| {
            let text = String::from_utf8_lossy(&answer.auth_bytes).into_owned();
            text.split(',').find(|part| part.starts_with(key)).map(str::to_owned)
        };
        let text = answer.error_message.unwrap_or_default();
        seen.push(format!("token {} {text:?} {:?} {:?}", answer.error_code, part("s="), part("i=")));
        (answer.error_code == 0).then_some(answer.auth_bytes)
    };
    if let Some(challenge) = step(first(user)) {
        let (proof, signature) = last(hash, user, password, &challenge);
        let is_proved = step(proof).map(|answer| answer == signature);
        seen.push(format!("the broker proves itself: {is_proved:?}"));
    }
    seen
}
