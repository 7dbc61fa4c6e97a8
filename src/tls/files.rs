//! The files of an acceptor, and what they contain at one moment.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::config::{ClientAuth, Version};

pub(super) const CERTIFICATE: &str = "TLS_CERT_PATH";
pub(super) const KEY: &str = "TLS_KEY_PATH";
pub(super) const KEY_PASSWORD: &str = "TLS_KEY_PASSWORD_FILE";
pub(super) const CLIENT_AUTHORITY: &str = "TLS_CLIENT_CA_PATH";
pub(super) const REVOKED: &str = "TLS_CRL_PATH";

/// Files in PEM form, and how they are used. They are read again while the acceptor is there.
#[derive(Clone, Debug)]
pub struct Files {
    /// The server's certificate, and after it those that lead to an authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The password of the key, if it is encrypted; the end of its line is not part of it.
    pub key_password: Option<PathBuf>,
    /// Authorities whose certificates clients may show. Read only where clients are asked for certificates.
    pub client_authority: Option<PathBuf>,
    /// Certificates of clients that do not count any more. A client whose authority has no list in it is refused.
    pub revoked: Option<PathBuf>,
    pub client_auth: ClientAuth,
    pub min_version: Version,
}

/// Files that cannot be used, by the variable that names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub variable: &'static str,
    /// None if there should be one.
    pub path: Option<PathBuf>,
    pub reason: String,
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.variable)?;
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.reason)
    }
}

impl Error {
    pub(super) fn of(variable: &'static str, path: &Path, reason: &dyn fmt::Display) -> Error {
        Error { variable, path: Some(path.to_owned()), reason: reason.to_string() }
    }
}

/// Bytes of the files.
pub(super) struct Contents {
    pub certificate: Vec<u8>,
    pub key: Zeroizing<Vec<u8>>,
    pub key_password: Option<Zeroizing<Vec<u8>>>,
    pub client_authority: Option<Vec<u8>>,
    pub revoked: Option<Vec<u8>>,
}

/// Contents that are equal have the same.
pub(super) type Digest = [u8; 32];

impl Contents {
    pub fn read(files: &Files) -> Result<Contents, Error> {
        let asks = files.client_auth != ClientAuth::None;
        let of_clients = |variable, path: Option<&PathBuf>| match path {
            Some(path) if asks => read(variable, path).map(Some),
            _ => Ok(None),
        };
        let password = files.key_password.as_ref().map(|path| read(KEY_PASSWORD, path)).transpose()?;
        Ok(Contents {
            certificate: read(CERTIFICATE, &files.certificate)?,
            key: Zeroizing::new(read(KEY, &files.key)?),
            key_password: password.map(|mut password| {
                password.truncate(password.trim_ascii_end().len());
                Zeroizing::new(password)
            }),
            client_authority: of_clients(CLIENT_AUTHORITY, files.client_authority.as_ref())?,
            revoked: of_clients(REVOKED, files.revoked.as_ref())?,
        })
    }

    pub fn digest(&self) -> Digest {
        let mut digest = Context::new(&SHA256);
        let parts = [
            Some(&self.certificate[..]),
            Some(&self.key[..]),
            self.key_password.as_ref().map(|password| &password[..]),
            self.client_authority.as_deref(),
            self.revoked.as_deref(),
        ];
        for part in parts {
            let part = part.unwrap_or_default();
            digest.update(&part.len().to_be_bytes());
            digest.update(part);
        }
        let mut bytes = Digest::default();
        bytes.copy_from_slice(digest.finish().as_ref());
        bytes
    }
}

fn read(variable: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::of(variable, path, &error))
}
