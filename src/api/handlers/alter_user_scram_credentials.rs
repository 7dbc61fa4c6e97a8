//! AlterUserScramCredentials: sets and deletes the SCRAM credentials of users (KIP-554).
//! Version 0.
//! Left out: SCRAM. What Kafka would refuse gets its code, deleting what is not there included; credentials that it would
//! take are UNSUPPORTED_VERSION, its answer while the cluster is too old for them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsResult, Request, Response, ScramCredentialUpsertion,
};

/// `ScramMechanism`: SCRAM-SHA-256 and SCRAM-SHA-512.
const MECHANISMS: RangeInclusive<i8> = 1..=2;
const ITERATIONS: RangeInclusive<i32> = 4096..=16384;

pub struct AlterUserScramCredentials;

impl Handler for AlterUserScramCredentials {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(_: Context, request: Request) -> Response {
        let deletions = request.deletions.iter().map(|deletion| {
            let outcome = check(&deletion.name, deletion.mechanism).and_then(|()| {
                let message = "Attempt to delete a user credential that does not exist".to_owned();
                Err(Failure::new(ErrorCode::ResourceNotFound, message))
            });
            (deletion.name.as_str(), outcome)
        });
        let upsertions =
            request.upsertions.iter().map(|upsertion| (upsertion.name.as_str(), check_upsertion(upsertion)));
        // All changes of a user are one, and the first that cannot be decides; a user is named once in the answer.
        let mut results: BTreeMap<&str, Result<(), Failure>> = BTreeMap::new();
        for (user, outcome) in deletions.chain(upsertions) {
            let twice = || {
                let message = "A user credential cannot be altered twice in the same request".to_owned();
                Failure::new(ErrorCode::DuplicateResource, message)
            };
            results
                .entry(user)
                .and_modify(|known| *known = known.clone().and_then(|()| Err(twice())))
                .or_insert(outcome);
        }
        let unsupported = || {
            let message = "SCRAM credentials are not supported yet.".to_owned();
            Failure::new(ErrorCode::UnsupportedVersion, message)
        };
        let results = results.into_iter().map(|(user, outcome)| {
            let refused = outcome.err().unwrap_or_else(unsupported);
            AlterUserScramCredentialsResult { user: user.to_owned(), ..refused.into() }
        });
        Response { results: results.collect(), ..Response::default() }
    }
}

/// The checks of Kafka's `ScramControlManager`.
fn check(user: &str, mechanism: i8) -> Result<(), Failure> {
    if user.is_empty() {
        return Err(Failure::new(ErrorCode::UnacceptableCredential, "Username must not be empty".to_owned()));
    }
    if !MECHANISMS.contains(&mechanism) {
        return Err(Failure::new(ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism".to_owned()));
    }
    Ok(())
}

fn check_upsertion(upsertion: &ScramCredentialUpsertion) -> Result<(), Failure> {
    check(&upsertion.name, upsertion.mechanism)?;
    if !ITERATIONS.contains(&upsertion.iterations) {
        let bound = if upsertion.iterations < *ITERATIONS.start() { "Too few" } else { "Too many" };
        return Err(Failure::new(ErrorCode::UnacceptableCredential, format!("{bound} iterations")));
    }
    Ok(())
}
