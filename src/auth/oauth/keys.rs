//! The keys of an issuer (RFC 7517, RFC 7518): what each can verify.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::Value;

use super::token::{Token, decode};

/// A token that names no key is held against so many at most.
const TRIED: usize = 16;
/// The first byte of a point on a curve whose coordinates are both written.
const UNCOMPRESSED: u8 = 4;
/// Sizes of moduli that are secure, and that take no time to speak of.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Names of algorithms, and what verifies by them with an RSA key. A name that is not here, or belongs to another kind of
/// key, is refused: so are `none`, and signatures made with a public key as if it were a shared secret.
static RSA: &[(&str, &RsaParameters)] = &[
    ("RS256", &RSA_PKCS1_2048_8192_SHA256),
    ("RS384", &RSA_PKCS1_2048_8192_SHA384),
    ("RS512", &RSA_PKCS1_2048_8192_SHA512),
    ("PS256", &RSA_PSS_2048_8192_SHA256),
    ("PS384", &RSA_PSS_2048_8192_SHA384),
    ("PS512", &RSA_PSS_2048_8192_SHA512),
];

/// Curves, each with the names of its algorithm, what verifies by it, and the bytes of a coordinate.
type Curve = (&'static str, &'static [&'static str], &'static dyn VerificationAlgorithm, usize);
static CURVES: &[Curve] = &[
    ("P-256", &["ES256"], &ECDSA_P256_SHA256_FIXED, 32),
    ("P-384", &["ES384"], &ECDSA_P384_SHA384_FIXED, 48),
    ("P-521", &["ES512"], &ECDSA_P521_SHA512_FIXED, 66),
];
static EDWARDS: Curve = ("Ed25519", &["EdDSA", "Ed25519"], &ED25519, 32);

/// All keys of an issuer that can verify.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

struct Key {
    kid: Option<String>,
    /// The only algorithm that it is for, if it says so.
    algorithm: Option<String>,
    material: Material,
}

enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    Curve { key: ParsedPublicKey, names: &'static [&'static str] },
}

/// A set of keys as it is published.
#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct PublishedKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a set of keys. Those for other purposes, and of kinds that are not known, are left out.
    pub(super) fn read(json: &[u8]) -> Result<Keys, String> {
        let published: Published =
            serde_json::from_slice(json).map_err(|error| format!("it is not a set of keys: {error}"))?;
        let published = published.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<Key> = published.filter_map(PublishedKey::usable).collect();
        if keys.is_empty() {
            return Err("it holds no key that can verify a signature by RS, PS, ES or EdDSA".to_owned());
        }
        Ok(Keys(keys))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key that this token says it is signed with is here; any will do if it says nothing.
    pub(super) fn has(&self, kid: Option<&str>) -> bool {
        kid.is_none_or(|kid| self.0.iter().any(|key| key.kid.as_deref() == Some(kid)))
    }

    /// Checks the signature of a token.
    pub(super) fn verify(&self, token: &Token<'_>) -> Result<(), String> {
        let named = |key: &&Key| token.kid.is_none() || key.kid == token.kid;
        let keys = self.0.iter().filter(named).filter(|key| key.fits(&token.algorithm));
        let mut is_any = false;
        for key in keys.take(TRIED) {
            is_any = true;
            if key.verifies(token) {
                return Ok(());
            }
        }
        if is_any {
            return Err("the token's signature is not that of the issuer's key".to_owned());
        }
        Err(format!("no key {:?} of the issuer is for the algorithm {:?}", token.kid, token.algorithm))
    }
}

impl Key {
    fn fits(&self, algorithm: &str) -> bool {
        self.algorithm.as_deref().is_none_or(|only| only == algorithm)
            && match &self.material {
                Material::Rsa(_) => RSA.iter().any(|(name, _)| *name == algorithm),
                Material::Curve { names, .. } => names.contains(&algorithm),
            }
    }

    fn verifies(&self, token: &Token<'_>) -> bool {
        match &self.material {
            Material::Rsa(key) => RSA
                .iter()
                .find(|(name, _)| *name == token.algorithm)
                .is_some_and(|(_, rsa)| key.verify(rsa, token.signed, &token.signature).is_ok()),
            Material::Curve { key, .. } => key.verify_sig(token.signed, &token.signature).is_ok(),
        }
    }
}

impl PublishedKey {
    fn usable(self) -> Option<Key> {
        let is_for_signatures = self.purpose.as_ref().is_none_or(|purpose| purpose == "sig");
        let is_for_verifying =
            self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        if !is_for_signatures || !is_for_verifying {
            return None;
        }
        let material = match self.kty.as_str() {
            "RSA" => self.rsa()?,
            "EC" => {
                let curve = CURVES.iter().find(|(name, ..)| self.crv.as_deref() == Some(name))?;
                let point = [coordinate(&self.x, curve)?, coordinate(&self.y, curve)?].concat();
                on_curve(curve, &[&[UNCOMPRESSED][..], &point].concat())?
            }
            "OKP" if self.crv.as_deref() == Some(EDWARDS.0) => {
                on_curve(&EDWARDS, &coordinate(&self.x, &EDWARDS)?)?
            }
            _ => return None,
        };
        Some(Key { kid: self.kid, algorithm: self.alg, material })
    }

    fn rsa(&self) -> Option<Material> {
        let number = |text: &Option<String>| {
            let bytes = decode(text.as_ref()?)?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            Some(bytes[zeros..].to_vec())
        };
        let (n, e) = (number(&self.n)?, number(&self.e)?);
        RSA_BYTES.contains(&n.len()).then_some(Material::Rsa(RsaPublicKeyComponents { n, e }))
    }
}

fn coordinate(text: &Option<String>, (_, _, _, length): &Curve) -> Option<Vec<u8>> {
    decode(text.as_ref()?).filter(|bytes| bytes.len() == *length)
}

fn on_curve((_, names, algorithm, _): &Curve, bytes: &[u8]) -> Option<Material> {
    let key = ParsedPublicKey::new(*algorithm, bytes).ok()?;
    Some(Material::Curve { key, names })
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).finish_non_exhaustive()
    }
}
