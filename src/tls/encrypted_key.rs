//! Encrypted private keys: PKCS#8 (RFC 5958) with PBES2 (RFC 8018), as `openssl pkcs8 -topk8` and `openssl genpkey`
//! write them: a key derived by PBKDF2 from the password, and AES in CBC mode.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA384, PBKDF2_HMAC_SHA512};
use zeroize::Zeroizing;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12];
/// HMAC with one hash or another differs in the last byte.
const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2];
/// So do the ciphers.
const AES: &[u8] = &[0x60, 0x86, 0x48, 1, 101, 3, 4, 1];

/// The key stays what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDecrypted {
    #[error("it is no encrypted PKCS#8 key, or only a part of it")]
    Malformed,
    #[error("not PBES2 with PBKDF2 and AES-CBC, as `openssl pkcs8 -topk8 -v2 aes-256-cbc` makes it")]
    Unsupported,
    #[error("the password is not its password")]
    Password,
}

use NotDecrypted::{Malformed, Password, Unsupported};

/// The key inside of `der`, in PKCS#8 again.
pub(super) fn decrypt(der: &[u8], password: &[u8]) -> Result<Vec<u8>, NotDecrypted> {
    let mut whole = der;
    let mut info = take(&mut whole, SEQUENCE)?;
    let mut scheme = take(&mut info, SEQUENCE)?;
    let encrypted = take(&mut info, OCTETS)?;
    named(&mut scheme, PBES2)?;
    let mut parameters = take(&mut scheme, SEQUENCE)?;
    let mut derivation = take(&mut parameters, SEQUENCE)?;
    let mut cipher = take(&mut parameters, SEQUENCE)?;
    named(&mut derivation, PBKDF2)?;
    let derivation = Derivation::read(take(&mut derivation, SEQUENCE)?)?;
    let algorithm = aes(take(&mut cipher, OID)?)?;
    let start = FixedLength::<16>::try_from(take(&mut cipher, OCTETS)?).map_err(|_| Malformed)?;
    let key = derivation.key(password, algorithm.1);
    let key = UnboundCipherKey::new(algorithm.0, &key).map_err(|_| Malformed)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| Unsupported)?;
    let mut bytes = Zeroizing::new(encrypted.to_vec());
    let clear = key.decrypt(&mut bytes, DecryptionContext::Iv128(start)).map_err(|_| Password)?;
    // One wrong password in some hundred leaves what looks like padding.
    let mut rest = &*clear;
    match take(&mut rest, SEQUENCE) {
        Ok(_) if rest.is_empty() => Ok(clear.to_vec()),
        _ => Err(Password),
    }
}

/// The way from the password to a key.
struct Derivation<'a> {
    salt: &'a [u8],
    iterations: NonZeroU32,
    hash: pbkdf2::Algorithm,
}

impl Derivation<'_> {
    fn read(mut from: &[u8]) -> Result<Derivation<'_>, NotDecrypted> {
        let salt = take(&mut from, OCTETS)?;
        let mut iterations = take(&mut from, INTEGER)?.iter();
        let iterations =
            iterations.try_fold(0u32, |all, byte| all.checked_mul(256)?.checked_add((*byte).into()));
        let iterations = iterations.and_then(NonZeroU32::new).ok_or(Malformed)?;
        if from.first() == Some(&INTEGER) {
            // The length of the key, which the cipher tells too.
            take(&mut from, INTEGER)?;
        }
        let hash = match from.is_empty() {
            true => PBKDF2_HMAC_SHA1,
            false => hmac(take(&mut from, SEQUENCE)?)?,
        };
        Ok(Derivation { salt, iterations, hash })
    }

    fn key(&self, password: &[u8], bytes: usize) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(vec![0; bytes]);
        pbkdf2::derive(self.hash, self.iterations, self.salt, password, &mut key);
        key
    }
}

fn hmac(mut from: &[u8]) -> Result<pbkdf2::Algorithm, NotDecrypted> {
    match take(&mut from, OID)?.strip_prefix(HMAC) {
        Some([7]) => Ok(PBKDF2_HMAC_SHA1),
        Some([9]) => Ok(PBKDF2_HMAC_SHA256),
        Some([10]) => Ok(PBKDF2_HMAC_SHA384),
        Some([11]) => Ok(PBKDF2_HMAC_SHA512),
        _ => Err(Unsupported),
    }
}

/// The cipher, and the bytes of its key.
fn aes(name: &[u8]) -> Result<(&'static Algorithm, usize), NotDecrypted> {
    match name.strip_prefix(AES) {
        Some([2]) => Ok((&AES_128, 16)),
        Some([22]) => Ok((&AES_192, 24)),
        Some([42]) => Ok((&AES_256, 32)),
        _ => Err(Unsupported),
    }
}

fn named(from: &mut &[u8], name: &[u8]) -> Result<(), NotDecrypted> {
    if take(from, OID)? == name { Ok(()) } else { Err(Unsupported) }
}

/// The contents of the next element, which has to be of this kind.
fn take<'a>(from: &mut &'a [u8], tag: u8) -> Result<&'a [u8], NotDecrypted> {
    let (&[found, length], mut rest) = from.split_first_chunk().ok_or(Malformed)?;
    if found != tag {
        return Err(Malformed);
    }
    let length = match length {
        0..=0x7f => usize::from(length),
        0x81..=0x83 => {
            let (bytes, after) = rest.split_at_checked(usize::from(length & 0x7f)).ok_or(Malformed)?;
            rest = after;
            bytes.iter().fold(0, |all, byte| all * 256 + usize::from(*byte))
        }
        _ => return Err(Malformed),
    };
    let (contents, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
    *from = rest;
    Ok(contents)
}
