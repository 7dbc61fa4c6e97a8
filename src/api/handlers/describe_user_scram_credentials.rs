//! DescribeUserScramCredentials: the SCRAM mechanisms of users (KIP-554).
//! Version 0.
//! Left out: SCRAM, so no user has credentials.

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_user_scram_credentials::{
    DescribeUserScramCredentialsResult, Request, Response,
};

pub struct DescribeUserScramCredentials;

impl Handler for DescribeUserScramCredentials {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(_: Context, request: Request) -> Response {
        let asked: Vec<String> = request.users.into_iter().flatten().map(|user| user.name).collect();
        let mut results: Vec<DescribeUserScramCredentialsResult> = Vec::with_capacity(asked.len());
        for (position, user) in asked.iter().enumerate() {
            if asked[..position].contains(user) {
                continue;
            }
            let (code, message) = match asked[position + 1..].contains(user) {
                true => (
                    ErrorCode::DuplicateResource,
                    format!(
                        "Cannot describe SCRAM credentials for the same user twice in a single request: {user}"
                    ),
                ),
                false => (
                    ErrorCode::ResourceNotFound,
                    format!("Attempt to describe a user credential that does not exist: {user}"),
                ),
            };
            results.push(DescribeUserScramCredentialsResult {
                user: user.clone(),
                error_code: code.into(),
                error_message: Some(message),
                ..DescribeUserScramCredentialsResult::default()
            });
        }
        Response { results, ..Response::default() }
    }
}
