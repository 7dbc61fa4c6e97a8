//! DescribeUserScramCredentials: the SCRAM mechanisms of users (KIP-554).
//! Version 0.
//! Left out: nothing. Users of this process's own list or file are not told.

use std::collections::BTreeMap;

use super::alter_user_scram_credentials::number_of;
use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::metadata::{ScramCredentials, Users};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_user_scram_credentials::{
    CredentialInfo, DescribeUserScramCredentialsResult, Request, Response,
};

pub struct DescribeUserScramCredentials;

impl Handler for DescribeUserScramCredentials {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.newest_known().await;
        let users = &image.configs.users;
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for user in request.users.into_iter().flatten() {
            *times.entry(user.name).or_default() += 1;
        }
        let results = match times.is_empty() {
            true => users.with_scram().map(|(user, credentials)| told(user, credentials)).collect(),
            false => times.into_iter().map(|(user, times)| describe(users, user, times)).collect(),
        };
        Response { results, ..Response::default() }
    }
}

fn describe(users: &Users, user: String, times: usize) -> DescribeUserScramCredentialsResult {
    let refusal = match users.scram_of(&user) {
        _ if times > 1 => Failure::new(
            ErrorCode::DuplicateResource,
            format!("Cannot describe SCRAM credentials for the same user twice in a single request: {user}"),
        ),
        Some(credentials) => return told(&user, credentials),
        None => Failure::new(
            ErrorCode::ResourceNotFound,
            format!("Attempt to describe a user credential that does not exist: {user}"),
        ),
    };
    DescribeUserScramCredentialsResult { user, ..refusal.into() }
}

/// Nothing is told that would be of use to log in.
fn told(user: &str, credentials: &ScramCredentials) -> DescribeUserScramCredentialsResult {
    let infos = credentials.iter().map(|(mechanism, credential)| CredentialInfo {
        mechanism: number_of(*mechanism),
        iterations: credential.iterations as i32,
    });
    DescribeUserScramCredentialsResult {
        user: user.to_owned(),
        credential_infos: infos.collect(),
        ..DescribeUserScramCredentialsResult::default()
    }
}
