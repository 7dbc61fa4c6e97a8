//! Issuers that sign.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The bytes of a public key around its modulus.
const RSA_HEAD: &[u8] = &[0x30, 0x82, 1, 10, 2, 0x82, 1, 1, 0];
const RSA_EXPONENT: &[u8] = &[2, 3, 1, 0, 1];

/// One key of an issuer, with its identifier.
pub(super) struct Signer {
    pub kid: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec { pair: EcdsaKeyPair, curve: &'static str },
    Ed(Ed25519KeyPair),
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(super) fn rsa(kid: &'static str) -> Signer {
        Signer { kid, pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub(super) fn ec(kid: &'static str, curve: &'static str) -> Signer {
        let algorithm = match curve {
            "P-256" => &ECDSA_P256_SHA256_FIXED_SIGNING,
            "P-384" => &ECDSA_P384_SHA384_FIXED_SIGNING,
            _ => &ECDSA_P521_SHA512_FIXED_SIGNING,
        };
        Signer { kid, pair: Pair::Ec { pair: EcdsaKeyPair::generate(algorithm).unwrap(), curve } }
    }

    pub(super) fn ed(kid: &'static str) -> Signer {
        Signer { kid, pair: Pair::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    /// The key as an issuer publishes it.
    pub(super) fn public(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                // DER of two numbers: 2,048 bits after a zero, and 65,537.
                let key = pair.public_key().as_ref();
                assert_eq!((key.len(), &key[..9], &key[265..]), (270, RSA_HEAD, RSA_EXPONENT));
                json!({ "kid": self.kid, "kty": "RSA", "n": encode(&key[9..265]), "e": "AQAB" })
            }
            Pair::Ec { pair, curve } => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kid": self.kid, "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
            }
            Pair::Ed(pair) => {
                json!({ "kid": self.kid, "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()) })
            }
        }
    }

    /// A token by the key's first algorithm.
    pub(super) fn token(&self, claims: &Value) -> String {
        let algorithm = match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec { curve: "P-256", .. } => "ES256",
            Pair::Ec { curve: "P-384", .. } => "ES384",
            Pair::Ec { .. } => "ES512",
            Pair::Ed(_) => "EdDSA",
        };
        self.token_by(algorithm, claims)
    }

    pub(super) fn token_by(&self, algorithm: &str, claims: &Value) -> String {
        self.token_with(&json!({ "alg": algorithm, "kid": self.kid }), claims)
    }

    /// A token with any header. It is signed by the algorithm of that if the key has it, else by another.
    pub(super) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let algorithm = header["alg"].as_str().unwrap_or_default();
        let signature = self.sign(algorithm, signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &'static dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec { pair, .. } => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token signed with the public key, as if it were a secret that both share.
    pub(super) fn token_by_public_key(&self, claims: &Value) -> String {
        let header = json!({ "alg": "HS256", "kid": self.kid });
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let secret = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec { pair, .. } => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        };
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    }
}
