//! The proof that somebody knows the cluster's secret, of one connection and one role in it.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hmac, rand};

use super::hello::{NONCE_BYTES, Nonce, PROOF_BYTES};

/// The domain of these proofs: the secret may serve for something else too.
const LABEL: &[u8] = b"kafkaesque between brokers, 1";

pub(super) type Proof = [u8; PROOF_BYTES];

/// Which side of a connection proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Caller,
    Called,
}

/// The mark of one connection: keying material of its TLS session, which nobody in the middle can have on both
/// sides. Without TLS the nonces of both sides have to do.
pub(super) type Binding = Option<[u8; 32]>;

/// The cluster's secret, as a key.
#[derive(Clone, Debug)]
pub(super) struct Key(hmac::Key);

/// Everything that was said on a connection. Cluster, brokers, incarnations, versions and nonces are in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Transcript(Vec<u8>);

impl Transcript {
    pub fn new(binding: &Binding) -> Transcript {
        let mut transcript = Transcript::default();
        transcript.add(LABEL);
        transcript.add(binding.as_ref().map_or(&[], |binding| binding.as_slice()));
        transcript
    }

    pub fn add(&mut self, said: &[u8]) {
        // Lengths keep apart what could be cut differently.
        self.0.extend((said.len() as u64).to_be_bytes());
        self.0.extend(said);
    }

    fn of(&self, role: Role) -> Vec<u8> {
        let mut all = self.clone();
        all.add(match role {
            Role::Caller => b"caller",
            Role::Called => b"called",
        });
        all.0
    }
}

impl Key {
    pub fn new(secret: &[u8]) -> Key {
        Key(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub fn prove(&self, transcript: &Transcript, role: Role) -> Proof {
        let tag = hmac::sign(&self.0, &transcript.of(role));
        let mut proof = [0; PROOF_BYTES];
        proof.copy_from_slice(tag.as_ref());
        proof
    }

    /// Takes the same time wherever a wrong proof differs.
    pub fn accepts(&self, transcript: &Transcript, role: Role, proof: &[u8]) -> bool {
        hmac::verify(&self.0, &transcript.of(role), proof).is_ok()
    }
}

/// Bytes that nobody can foretell, whatever the runtime's own generator is seeded with.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn nonce() -> Result<Nonce, Unspecified> {
    random::<NONCE_BYTES>()
}
