//! Certificates, revocations and keys from the text of PEM files.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::pem::Pem;

use super::encrypted_key::{self, NotDecrypted};

const ENCRYPTED_KEY: &str = "ENCRYPTED PRIVATE KEY";
/// A header inside of keys that OpenSSL encrypted before there was PKCS#8.
const ENCRYPTED_OF_OLD: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// The text has not what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    #[error("there is no certificate in it")]
    NoCertificate,
    #[error("there is no list of revoked certificates in it")]
    NoRevocations,
    #[error("there is no private key in it")]
    NoKey,
    #[error("the key is encrypted, and there is no password for it")]
    NoPassword,
    #[error("the key is encrypted in OpenSSL's old format: `openssl pkcs8 -topk8` makes another of it")]
    OldEncryption,
    #[error("the key cannot be decrypted: {0}")]
    Decryption(#[from] NotDecrypted),
    #[error("it is not in PEM form, or only a part of it is there: {0}")]
    Garbled(String),
}

/// All certificates, in their order.
pub fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    all(text, PemError::NoCertificate)
}

/// All lists of revoked certificates.
pub(super) fn revocations(text: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, PemError> {
    all(text, PemError::NoRevocations)
}

fn all<T: PemObject>(text: &[u8], none: PemError) -> Result<Vec<T>, PemError> {
    let found: Result<Vec<T>, pem::Error> = T::pem_slice_iter(text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(none),
        found => found.map_err(|error| garbled(&error)),
    }
}

/// The first private key: PKCS#8, which may be encrypted, PKCS#1, or SEC1.
pub fn private_key(text: &[u8], password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>, PemError> {
    if contains(text, ENCRYPTED_KEY.as_bytes()) {
        return decrypted(text, password.ok_or(PemError::NoPassword)?);
    }
    if contains(text, ENCRYPTED_OF_OLD) {
        return Err(PemError::OldEncryption);
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => PemError::NoKey,
        error => garbled(&error),
    })
}

fn decrypted(text: &[u8], password: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    for section in Pem::iter_from_buffer(text) {
        let section = section.map_err(|error| PemError::Garbled(error.to_string()))?;
        if section.label == ENCRYPTED_KEY {
            let key = encrypted_key::decrypt(&section.contents, password)?;
            return Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)));
        }
    }
    Err(PemError::NoKey)
}

fn garbled(error: &pem::Error) -> PemError {
    PemError::Garbled(match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("no end of {}", String::from_utf8_lossy(end_marker))
        }
        // It would quote the line.
        pem::Error::IllegalSectionStart { .. } => "the first line of a section is cut off".to_owned(),
        error => error.to_string(),
    })
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
