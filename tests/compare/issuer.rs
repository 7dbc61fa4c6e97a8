//! Keys of an issuer, and the tokens that it signs.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

pub const ISSUER: &str = "https://issuer.test";
pub const AUDIENCE: &str = "kafka";

static RSA: [(&str, &dyn RsaEncoding); 6] = [
    ("RS256", &RSA_PKCS1_SHA256),
    ("RS384", &RSA_PKCS1_SHA384),
    ("RS512", &RSA_PKCS1_SHA512),
    ("PS256", &RSA_PSS_SHA256),
    ("PS384", &RSA_PSS_SHA384),
    ("PS512", &RSA_PSS_SHA512),
];
static CURVES: [(&str, &str, &EcdsaSigningAlgorithm); 3] = [
    ("ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
    ("ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
    ("ES512", "P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
];

pub struct Issuer {
    rsa: RsaKeyPair,
    curves: [EcdsaKeyPair; 3],
    edwards: Ed25519KeyPair,
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Seconds since the Unix epoch.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs() as i64
}

/// Claims of a user that are good for some minutes.
pub fn claims(user: &str) -> Json {
    let now = now();
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 600 })
}

/// The claims of alice with some changed, or left out where the new one is null.
pub fn changed(changes: &Json) -> Json {
    let mut claims = claims("alice");
    for (name, value) in changes.as_object().expect("claims") {
        match value {
            Json::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

impl Issuer {
    pub fn new() -> Issuer {
        Issuer {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"),
            curves: CURVES.map(|(_, _, algorithm)| EcdsaKeyPair::generate(algorithm).expect("a key")),
            edwards: Ed25519KeyPair::generate().expect("a key"),
        }
    }

    /// The algorithms that there is a key for, each with its identifier.
    pub fn algorithms() -> Vec<(&'static str, &'static str)> {
        let rsa = RSA.iter().map(|(algorithm, _)| (*algorithm, "rsa"));
        let curves = CURVES.iter().map(|(algorithm, curve, _)| (*algorithm, *curve));
        rsa.chain(curves).chain([("EdDSA", "edwards")]).collect()
    }

    /// The set of keys that both brokers have.
    pub fn published(&self) -> String {
        // DER of two numbers: 2,048 bits after a zero, and 65,537.
        let rsa = self.rsa.public_key().as_ref();
        assert_eq!((rsa.len(), rsa[8]), (270, 0));
        let mut keys =
            vec![json!({ "kid": "rsa", "kty": "RSA", "use": "sig", "n": encode(&rsa[9..265]), "e": "AQAB" })];
        for ((_, curve, _), pair) in CURVES.iter().zip(&self.curves) {
            let point = &pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            keys.push(json!({ "kid": curve, "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) }));
        }
        let x = encode(self.edwards.public_key());
        keys.push(json!({ "kid": "edwards", "kty": "OKP", "crv": "Ed25519", "x": x }));
        json!({ "keys": keys }).to_string()
    }

    /// A token by RS256.
    pub fn token(&self, claims: &Json) -> String {
        self.token_with(&json!({ "alg": "RS256", "kid": "rsa" }), &claims.to_string())
    }

    /// A token with any header and body, signed by what the header says if there is a key for that.
    pub fn token_with(&self, header: &Json, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims));
        let signature = self.sign(header["alg"].as_str().unwrap_or_default(), signed.as_bytes());
        format!("{signed}.{}", encode(signature))
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        if let Some(place) = CURVES.iter().position(|(name, ..)| *name == algorithm) {
            return self.curves[place].sign(&random, message).expect("a signature").as_ref().to_vec();
        }
        match algorithm {
            "none" => Vec::new(),
            "EdDSA" => self.edwards.sign(message).as_ref().to_vec(),
            // With the public key, as if it were a secret that both share.
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.rsa.public_key().as_ref());
                hmac::sign(&key, message).as_ref().to_vec()
            }
            _ => {
                let encoding = RSA.iter().find(|(name, _)| *name == algorithm).unwrap_or(&RSA[0]).1;
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(encoding, &random, message, &mut signature).expect("a signature");
                signature
            }
        }
    }
}
