//! Tests of tokens: issuers whose keys are made here sign good ones and bad ones.
//! They must never ask anybody who is not on this machine.
//! Entry point: [`signer::Signer`] signs, [`with_file`] publishes keys in a file, and `urls.rs` has servers that do.
//! Invariant: time is simulated, and where servers answer it is moved on between their answers.

mod messages;
mod sets;
mod settings;
mod signer;
mod urls;
mod verifying;

use std::sync::Arc;

use serde_json::{Value, json};

use self::signer::Signer;
use super::{Settings, Verifier};
use crate::runtime::Runtime;

const ISSUER: &str = "https://issuer.test";
const AUDIENCE: &str = "kafka";

/// Claims that are good at this time.
fn claims(runtime: &Runtime) -> Value {
    let now = runtime.clock.now_ms() / 1000;
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 300 })
}

/// The same claims with some changed, or left out where the new one is null.
fn changed(mut claims: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

fn set_of(signers: &[&Signer]) -> Vec<u8> {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.public()).collect();
    serde_json::to_vec(&json!({ "keys": keys })).unwrap()
}

/// A folder with a file of keys, and the settings that name it.
fn with_file(signers: &[&Signer]) -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, set_of(signers)).unwrap();
    let settings = Settings {
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        jwks_file: Some(file),
        ..Settings::default()
    };
    (folder, settings)
}

fn open(settings: &Settings, runtime: &Runtime) -> Arc<Verifier> {
    Verifier::open(settings, runtime).unwrap().unwrap()
}
