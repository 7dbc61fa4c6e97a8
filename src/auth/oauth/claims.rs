//! Claims of a token: what an issuer must have said for a login.

use serde_json::{Map, Value};

use super::issuers::Issuer;
use crate::auth::{Login, Principal};

/// Clocks may differ by so much.
const SKEW_MS: i64 = 30_000;
/// Groups that one user may have.
const GROUPS: usize = 64;
/// The claims that may hold the scope: the registered name, and that of some providers.
const SCOPES: [&str; 2] = ["scope", "scp"];

impl Issuer {
    /// The login that `claims` are good for at `now_ms`, if they were said by this issuer.
    pub(super) fn judge(&self, claims: &Map<String, Value>, now_ms: i64) -> Result<Login, String> {
        let expires_ms = time(claims, "exp")?.ok_or("the token does not expire")?;
        let issued_ms = time(claims, "iat")?.ok_or("the token does not say when it was issued")?;
        if now_ms.saturating_sub(SKEW_MS) >= expires_ms {
            return Err(format!("the token expired {} s ago", now_ms.saturating_sub(expires_ms) / 1000));
        }
        let from_ms = time(claims, "nbf")?;
        if from_ms.is_some_and(|from_ms| now_ms.saturating_add(SKEW_MS) < from_ms) {
            return Err("the token is not valid yet".to_owned());
        }
        if expires_ms < issued_ms || from_ms.is_some_and(|from_ms| expires_ms < from_ms) {
            return Err("the token ends before it begins".to_owned());
        }
        if !texts(claims, "aud")?.iter().any(|audience| self.audiences.iter().any(|ours| ours == audience)) {
            return Err("the token is for another audience".to_owned());
        }
        self.judge_scope(claims)?;
        let principal = self.principal(claims)?;
        Ok(Login { principal, groups: self.groups(claims)?, expires_ms: Some(expires_ms) })
    }

    /// Looks at the scope only where one is demanded.
    fn judge_scope(&self, claims: &Map<String, Value>) -> Result<(), String> {
        if self.scopes.is_empty() {
            return Ok(());
        }
        let claim = SCOPES.into_iter().find(|name| claims.contains_key(*name)).unwrap_or(SCOPES[0]);
        let said = texts(claims, claim)?;
        let scopes: Vec<&str> = said.iter().flat_map(|text| text.split_whitespace()).collect();
        match self.scopes.iter().find(|wanted| !scopes.contains(&wanted.as_str())) {
            Some(missing) => Err(format!("the token's scope lacks {missing:?}")),
            None => Ok(()),
        }
    }

    fn principal(&self, claims: &Map<String, Value>) -> Result<Principal, String> {
        let claim = &self.principal_claim;
        let name = claims.get(claim).and_then(Value::as_str);
        let name = name.ok_or_else(|| format!("the token has no text as its claim {claim:?}"))?;
        // As by Kafka: blanks around a name would make another user of the same.
        let name = name.trim_matches(|c| c <= ' ');
        Principal::user(name).map_err(|error| format!("the token's claim {claim:?} is no user: {error}"))
    }

    /// The groups of the user: all of them, or a denial to one might be dropped.
    fn groups(&self, claims: &Map<String, Value>) -> Result<Vec<Principal>, String> {
        let Some(claim) = &self.groups_claim else { return Ok(Vec::new()) };
        let names = texts(claims, claim)?;
        if names.len() > GROUPS {
            return Err(format!("the token names {} groups, more than {GROUPS}", names.len()));
        }
        let bad = |error| format!("the token's claim {claim:?} has what is no group: {error}");
        let groups: Result<Vec<Principal>, String> =
            names.into_iter().map(|name| Principal::group(name).map_err(bad)).collect();
        let mut groups = groups?;
        groups.sort();
        groups.dedup();
        Ok(groups)
    }
}

/// A time in milliseconds, from a claim that is a number of seconds.
fn time(claims: &Map<String, Value>, claim: &str) -> Result<Option<i64>, String> {
    let Some(value) = claims.get(claim).filter(|value| !value.is_null()) else { return Ok(None) };
    let ms = match (value.as_i64(), value.as_f64()) {
        (Some(seconds), _) => seconds.saturating_mul(1000),
        #[expect(clippy::cast_possible_truncation, reason = "a time beyond all times is the last of them")]
        (None, Some(seconds)) => (seconds * 1000.0) as i64,
        _ => return Err(format!("the token's claim {claim:?} is no number")),
    };
    if ms < 0 { Err(format!("the token's claim {claim:?} is negative")) } else { Ok(Some(ms)) }
}

/// The texts of a claim that is one, or a list of them; none if it is missing.
fn texts<'a>(claims: &'a Map<String, Value>, claim: &str) -> Result<Vec<&'a str>, String> {
    let texts = match claims.get(claim) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(text)) => Some(vec![text.as_str()]),
        Some(Value::Array(list)) => list.iter().map(Value::as_str).collect(),
        Some(_) => None,
    };
    texts.ok_or_else(|| format!("the token's claim {claim:?} is neither a text nor a list of texts"))
}
