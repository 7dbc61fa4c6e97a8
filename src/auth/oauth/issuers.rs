//! Issuers of tokens: their settings, checked.

use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::Deserialize;

use super::fetch::{Address, LIMIT_BYTES, Location, read_authority, read_file};
use super::settings::{BadSettings, Settings};
use super::source::Source;

/// The claim that names the user, unless another is set.
const SUBJECT: &str = "sub";
/// The longest file of issuers.
const FILE_BYTES: usize = 1024 * 1024;
const ISSUERS_FILE: &str = "OAUTH_ISSUERS_FILE";

/// The rules of one issuer, for all of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issuer {
    pub name: String,
    pub audiences: Vec<String>,
    pub scopes: Vec<String>,
    pub principal_claim: String,
    pub groups_claim: Option<String>,
    pub keys: Location,
    /// Its place in the file of issuers; none if variables describe it.
    place: Option<usize>,
}

/// One issuer as it is given.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    issuer: Option<String>,
    audience: Option<Texts>,
    scope: Option<Texts>,
    principal_claim: Option<String>,
    groups_claim: Option<String>,
    jwks_url: Option<String>,
    jwks_file: Option<PathBuf>,
    ca_path: Option<PathBuf>,
    token_file: Option<PathBuf>,
}

/// One text, which may hold several, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    List(Vec<String>),
}

impl Texts {
    fn split(self, separators: &[char]) -> Vec<String> {
        let texts = match self {
            Texts::One(text) => text.split(separators).map(|part| part.trim().to_owned()).collect(),
            Texts::List(texts) => texts,
        };
        texts.into_iter().filter(|text| !text.is_empty()).collect()
    }
}

/// The issuers that are set; none if nothing is.
pub(super) fn read(settings: &Settings) -> Result<Vec<Issuer>, BadSettings> {
    let alone = Settings { issuers_file: None, ..settings.clone() };
    let is_alone = alone != Settings::default();
    match &settings.issuers_file {
        Some(_) if is_alone => Err(bad(None, "issuers_file", "excludes the variables of one issuer")),
        Some(path) => read_all(path),
        None if is_alone => Ok(vec![Given::from(alone).check(None)?]),
        None => Ok(Vec::new()),
    }
}

fn read_all(path: &Path) -> Result<Vec<Issuer>, BadSettings> {
    let refused = |reason: String| BadSettings { variable: ISSUERS_FILE, reason };
    let json = read_file(path, FILE_BYTES).map_err(refused)?;
    let given: Vec<Given> =
        serde_json::from_slice(&json).map_err(|error| refused(format!("{}: {error}", path.display())))?;
    if given.is_empty() {
        return Err(refused(format!("{} names no issuer", path.display())));
    }
    let mut issuers: Vec<Issuer> = Vec::new();
    for (given, place) in given.into_iter().zip(1..) {
        let issuer = given.check(Some(place))?;
        if issuers.iter().any(|other| other.name == issuer.name) {
            return Err(bad(Some(place), "issuer", "is there twice"));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

impl From<Settings> for Given {
    fn from(settings: Settings) -> Given {
        Given {
            issuer: settings.issuer,
            audience: settings.audience.map(Texts::One),
            scope: settings.scope.map(Texts::One),
            principal_claim: settings.principal_claim,
            groups_claim: settings.groups_claim,
            jwks_url: settings.jwks_url,
            jwks_file: settings.jwks_file,
            ca_path: settings.ca_path,
            token_file: settings.token_file,
        }
    }
}

impl Given {
    fn check(mut self, place: Option<usize>) -> Result<Issuer, BadSettings> {
        let missing = |field, reason: &str| bad(place, field, reason);
        let is_set = |text: &String| !text.is_empty();
        let keys = self.location(place)?;
        let name = self.issuer.filter(is_set).ok_or_else(|| missing("issuer", "must be set"))?;
        let audiences = self.audience.map(|audience| audience.split(&[','])).unwrap_or_default();
        if audiences.is_empty() {
            return Err(missing("audience", "must be set: an issuer's tokens are for others too"));
        }
        let scopes = self.scope.map(|scope| scope.split(&[' ', ','])).unwrap_or_default();
        let principal_claim = self.principal_claim.unwrap_or_else(|| SUBJECT.to_owned());
        if principal_claim.is_empty() {
            return Err(missing("principal_claim", "is empty"));
        }
        if self.groups_claim.as_ref().is_some_and(String::is_empty) {
            return Err(missing("groups_claim", "is empty"));
        }
        Ok(Issuer { name, audiences, scopes, principal_claim, groups_claim: self.groups_claim, keys, place })
    }

    fn location(&mut self, place: Option<usize>) -> Result<Location, BadSettings> {
        match (self.jwks_url.take(), self.jwks_file.take()) {
            (Some(_), Some(_)) => Err(bad(place, "jwks_file", "excludes the URL of keys")),
            (None, None) => Err(bad(place, "jwks_url", "or a file of keys must be set")),
            (None, Some(_)) if self.ca_path.is_some() => Err(bad(place, "ca_path", "is for a URL of keys")),
            (None, Some(_)) if self.token_file.is_some() => {
                Err(bad(place, "token_file", "is for a URL of keys"))
            }
            (None, Some(path)) => Ok(Location::File(path)),
            (Some(url), None) => {
                let url = read_url(&url).map_err(|reason| bad(place, "jwks_url", &reason))?;
                Ok(Location::Url(Address {
                    url,
                    authority: self.ca_path.take(),
                    token: self.token_file.take(),
                }))
            }
        }
    }
}

fn read_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    if url.scheme() != "https" {
        return Err("is not https".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or password; a token has a file of its own".to_owned());
    }
    Ok(url)
}

impl Issuer {
    /// Reads what is on this machine, so that a mistake stops the start.
    pub(super) fn begin(&self, source: &Source) -> Result<(), BadSettings> {
        let refused = |field| move |reason: String| bad(self.place, field, &reason);
        match &self.keys {
            Location::File(path) => {
                let published = read_file(path, LIMIT_BYTES).map_err(refused("jwks_file"))?;
                source.begin_with(published).map_err(refused("jwks_file"))
            }
            Location::Url(address) => {
                if let Some(path) = &address.authority {
                    read_authority(path).map_err(refused("ca_path"))?;
                }
                address.read_token().map_err(refused("token_file")).map(|_| ())
            }
        }
    }
}

/// An error about a field of one issuer, by the name under which it was given.
fn bad(place: Option<usize>, field: &'static str, reason: &str) -> BadSettings {
    let variable = match field {
        _ if place.is_some() => ISSUERS_FILE,
        "issuer" => "OAUTH_ISSUER",
        "audience" => "OAUTH_AUDIENCE",
        "principal_claim" => "OAUTH_PRINCIPAL_CLAIM",
        "groups_claim" => "OAUTH_GROUPS_CLAIM",
        "jwks_url" => "OAUTH_JWKS_URL",
        "jwks_file" => "OAUTH_JWKS_FILE",
        "ca_path" => "OAUTH_CA_PATH",
        "token_file" => "OAUTH_TOKEN_FILE",
        _ => ISSUERS_FILE,
    };
    let reason = match place {
        Some(place) => format!("{field} of issuer {place} {reason}"),
        None => reason.to_owned(),
    };
    BadSettings { variable, reason }
}
