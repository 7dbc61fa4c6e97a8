//! AlterUserScramCredentials: sets and deletes the SCRAM credentials of users (KIP-554).
//! Version 0.
//! Left out: nothing. Names that could never log in, and salts of more than 1,024 bytes, are UNACCEPTABLE_CREDENTIAL, where
//! Kafka takes them; so is no salted password, at which Kafka fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::auth::{LEAST_ITERATIONS, MOST_ITERATIONS, Principal, Scram, ScramCredential};
use crate::metadata::{Command, Image, Refused};
use crate::protocol::ErrorCode;
use crate::protocol::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsResult, Request, Response, ScramCredentialDeletion, ScramCredentialUpsertion,
};

const SALT_BYTES: usize = 1024;

pub struct AlterUserScramCredentials;

impl Handler for AlterUserScramCredentials {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(context: Context, request: Request) -> Response {
        let newest = context.newest().await;
        let deletions = request.deletions.iter().map(|deletion| {
            let change = newest.as_ref().map_err(Clone::clone).and_then(|image| delete(image, deletion));
            (deletion.name.as_str(), change)
        });
        let upsertions = request.upsertions.iter().map(|upsertion| {
            let change = newest.as_ref().map_err(Clone::clone).and_then(|_| upsert(upsertion));
            (upsertion.name.as_str(), change)
        });
        // All changes of a user are one, and the first that cannot be decides; a user is named once in the answer.
        let mut changes: BTreeMap<&str, Result<Command, Failure>> = BTreeMap::new();
        for (user, change) in deletions.chain(upsertions) {
            changes
                .entry(user)
                .and_modify(|known| {
                    if known.is_ok() {
                        *known = Err(twice());
                    }
                })
                .or_insert(change);
        }
        let users: Vec<String> = changes.keys().map(|user| (*user).to_owned()).collect();
        let plans = changes.into_values().map(|change| change.map(|command| ((), command)));
        let outcomes = context.carry_out(plans.collect(), false).await;
        let results = users.into_iter().zip(outcomes).map(|(user, outcome)| match outcome {
            Ok(()) => AlterUserScramCredentialsResult { user, error_message: None, ..Default::default() },
            Err(failure) => AlterUserScramCredentialsResult { user, ..failure.into() },
        });
        Response { results: results.collect(), ..Response::default() }
    }
}

fn delete(image: &Image, deletion: &ScramCredentialDeletion) -> Result<Command, Failure> {
    let mechanism = check(&deletion.name, deletion.mechanism)?;
    match image.configs.users.scram(mechanism, &deletion.name) {
        Some(_) => {
            Ok(Command::AlterScram { user: deletion.name.as_str().into(), mechanism, credential: None })
        }
        None => Err(Refused::NoScramCredential.into()),
    }
}

/// The client sends the salted password, of which the keys are kept.
fn upsert(upsertion: &ScramCredentialUpsertion) -> Result<Command, Failure> {
    let mechanism = check(&upsertion.name, upsertion.mechanism)?;
    let iterations = match u32::try_from(upsertion.iterations) {
        Ok(iterations) if iterations > MOST_ITERATIONS => return Err(unacceptable("Too many iterations")),
        Ok(iterations) if iterations >= LEAST_ITERATIONS => iterations,
        _ => return Err(unacceptable("Too few iterations")),
    };
    let user =
        Principal::user(&upsertion.name).map_err(|bad| unacceptable(&format!("Bad username: {bad}")))?;
    if upsertion.salt.len() > SALT_BYTES {
        return Err(unacceptable("Salt too long"));
    }
    if upsertion.salted_password.is_empty() {
        return Err(unacceptable("Salted password must not be empty"));
    }
    let (salt, salted_password) = (upsertion.salt.to_vec(), &upsertion.salted_password);
    let credential = ScramCredential::of_salted_password(mechanism, salt, iterations, salted_password);
    Ok(Command::AlterScram { user: Arc::clone(&user.name), mechanism, credential: Some(credential) })
}

/// The checks of Kafka's `ScramControlManager`.
fn check(user: &str, mechanism: i8) -> Result<Scram, Failure> {
    if user.is_empty() {
        return Err(unacceptable("Username must not be empty"));
    }
    mechanism_numbered(mechanism).ok_or_else(|| {
        Failure::new(ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism".to_owned())
    })
}

/// `ScramMechanism`: SCRAM-SHA-256 and SCRAM-SHA-512.
fn mechanism_numbered(number: i8) -> Option<Scram> {
    Scram::ALL.into_iter().find(|mechanism| number_of(*mechanism) == number)
}

pub(super) fn number_of(mechanism: Scram) -> i8 {
    match mechanism {
        Scram::Sha256 => 1,
        Scram::Sha512 => 2,
    }
}

fn unacceptable(message: &str) -> Failure {
    Failure::new(ErrorCode::UnacceptableCredential, message.to_owned())
}

fn twice() -> Failure {
    let message = "A user credential cannot be altered twice in the same request";
    Failure::new(ErrorCode::DuplicateResource, message.to_owned())
}
