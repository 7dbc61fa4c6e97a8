//! Reading the keys of an issuer, from a file or over https.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, StatusCode, Url};

use crate::runtime::Secret;

/// The longest set of keys.
pub(super) const LIMIT_BYTES: usize = 256 * 1024;
/// The longest bearer token, with which the keys of some issuers are asked for.
const TOKEN_BYTES: usize = 64 * 1024;
/// The longest file of certificates.
const AUTHORITY_BYTES: usize = 1024 * 1024;

/// The place of a set of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    File(PathBuf),
    Url(Address),
}

/// An https URL, and what it takes to ask there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub url: Url,
    /// Certificates of the only authorities that are trusted; none for those of this machine.
    pub authority: Option<PathBuf>,
    /// The file of a bearer token.
    pub token: Option<PathBuf>,
}

impl Location {
    /// The published text. It may block its thread for as long as a local file does.
    pub(super) async fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Location::File(path) => read_file(path, LIMIT_BYTES),
            Location::Url(address) => address.get().await,
        }
    }
}

impl Address {
    /// Certificates and token are read each time: both are replaced while the process runs.
    async fn get(&self) -> Result<Vec<u8>, String> {
        let mut request = self.client()?.get(self.url.clone()).header(ACCEPT, "application/json, */*");
        if let Some(token) = self.read_token()? {
            request = request.bearer_auth(token.reveal());
        }
        let mut response = request.send().await.map_err(|error| described(&error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answers {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| described(&error))? {
            if body.len() + chunk.len() > LIMIT_BYTES {
                return Err(format!("it answers with more than {LIMIT_BYTES} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Clients follow no redirection, so that nobody is asked but who was named, and no proxy that the environment names.
    fn client(&self) -> Result<Client, String> {
        let mut builder = Client::builder().redirect(Policy::none()).https_only(true).no_proxy();
        if let Some(path) = &self.authority {
            builder = builder.tls_certs_only(read_authority(path)?);
        }
        builder.build().map_err(|error| described(&error))
    }

    pub(super) fn read_token(&self) -> Result<Option<Secret>, String> {
        let Some(path) = &self.token else { return Ok(None) };
        let token = Secret::new(
            String::from_utf8(read_file(path, TOKEN_BYTES)?).map_err(|_| "its token is not UTF-8")?.trim(),
        );
        let is_token = !token.reveal().is_empty() && token.reveal().bytes().all(|c| c.is_ascii_graphic());
        if is_token { Ok(Some(token)) } else { Err(format!("{} holds no token", path.display())) }
    }
}

pub(super) fn read_authority(path: &Path) -> Result<Vec<Certificate>, String> {
    let pem = read_file(path, AUTHORITY_BYTES)?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| described(&error))?;
    if certificates.is_empty() {
        return Err(format!("{} holds no certificate", path.display()));
    }
    Ok(certificates)
}

pub(super) fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(named)?;
    file.take(limit as u64 + 1).read_to_end(&mut content).map_err(named)?;
    if content.len() > limit {
        return Err(format!("{} has more than {limit} bytes", path.display()));
    }
    Ok(content)
}

/// An error with its causes, which its own text leaves out.
fn described(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
