//! Settings of OAUTHBEARER: those of one issuer, or a file of several.

use std::path::PathBuf;

/// The settings as they are given, each a variable. Those of one issuer exclude the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `OAUTH_ISSUER`: the `iss` of its tokens.
    pub issuer: Option<String>,
    /// `OAUTH_AUDIENCE`: one of these, separated by commas, must be in the `aud` of a token.
    pub audience: Option<String>,
    /// `OAUTH_SCOPE`: all of these, separated by blanks, must be in the scope of a token.
    pub scope: Option<String>,
    /// `OAUTH_PRINCIPAL_CLAIM`: the claim that names the user; `sub` if none is given.
    pub principal_claim: Option<String>,
    /// `OAUTH_GROUPS_CLAIM`: the claim that names further principals.
    pub groups_claim: Option<String>,
    /// `OAUTH_JWKS_URL`: https.
    pub jwks_url: Option<String>,
    /// `OAUTH_JWKS_FILE`
    pub jwks_file: Option<PathBuf>,
    /// `OAUTH_CA_PATH`: the authorities whose certificates the URL may have.
    pub ca_path: Option<PathBuf>,
    /// `OAUTH_TOKEN_FILE`: the bearer token to ask the URL with.
    pub token_file: Option<PathBuf>,
    /// `OAUTH_ISSUERS_FILE`: JSON, a list of objects whose fields are the other variables, in small letters and without
    /// `OAUTH_`. Audience and scope may be lists.
    pub issuers_file: Option<PathBuf>,
}

/// A setting with which no token could be verified, or too many.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {reason}")]
pub struct BadSettings {
    /// The name of the variable.
    pub variable: &'static str,
    pub reason: String,
}
