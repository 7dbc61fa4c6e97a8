//! Keys, as RFC 5802 derives them from a password.

use aws_lc_rs::{digest, hmac};
use zeroize::Zeroizing;

use crate::auth::credentials::ScramCredential;
use crate::auth::mechanism::Scram;

/// Iterations of those that nobody chose, and the least that may be chosen (RFC 7677).
pub const LEAST_ITERATIONS: u32 = 4096;
/// The most that may be chosen, as Kafka: a client has to do as many.
pub const MOST_ITERATIONS: u32 = 16_384;

impl Scram {
    pub(super) fn hmac(self) -> hmac::Algorithm {
        match self {
            Scram::Sha256 => hmac::HMAC_SHA256,
            Scram::Sha512 => hmac::HMAC_SHA512,
        }
    }

    pub(super) fn hash(self, data: &[u8]) -> digest::Digest {
        digest::digest(self.hmac().digest_algorithm(), data)
    }

    pub(super) fn sign(self, key: &[u8], data: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(self.hmac(), key), data)
    }

    /// Bytes of each key.
    pub(super) fn key_bytes(self) -> usize {
        self.hmac().tag_len()
    }
}

impl ScramCredential {
    /// The keys that are kept of a salted password.
    pub fn of_salted_password(
        mechanism: Scram,
        salt: Vec<u8>,
        iterations: u32,
        salted_password: &[u8],
    ) -> ScramCredential {
        let client_key = mechanism.sign(salted_password, b"Client Key");
        let server_key = mechanism.sign(salted_password, b"Server Key");
        ScramCredential {
            salt,
            stored_key: mechanism.hash(client_key.as_ref()).as_ref().to_vec(),
            server_key: server_key.as_ref().to_vec(),
            iterations,
        }
    }
}

/// A password as a key, from which [`derive`] makes a credential.
pub fn password_key(mechanism: Scram, password: &str) -> hmac::Key {
    hmac::Key::new(mechanism.hmac(), password.as_bytes())
}

/// The credential of a password: milliseconds of work.
pub fn derive(mechanism: Scram, password: &hmac::Key, salt: Vec<u8>) -> ScramCredential {
    let salted = salted_password(password, &salt, LEAST_ITERATIONS);
    ScramCredential::of_salted_password(mechanism, salt, LEAST_ITERATIONS, &salted)
}

/// `Hi`: the first block of PBKDF2.
pub(super) fn salted_password(password: &hmac::Key, salt: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
    let mut first = hmac::Context::with_key(password);
    first.update(salt);
    first.update(&1u32.to_be_bytes());
    let mut last = first.sign();
    let mut sum = Zeroizing::new(last.as_ref().to_vec());
    for _ in 1..iterations {
        last = hmac::sign(password, last.as_ref());
        xor(&mut sum, last.as_ref());
    }
    sum
}

/// Adds `other` to `sum`, bit by bit.
pub(super) fn xor(sum: &mut [u8], other: &[u8]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum ^= other;
    }
}
