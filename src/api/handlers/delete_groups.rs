//! DeleteGroups: deletes groups without members, and their offsets.
//! Versions 0-3. 3: error messages (KIP-1043), which Kafka has none of for the groups that we have.
//! Left out: nothing.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::api::together::join_all;
use crate::coordinator::group::Delete;
use crate::protocol::ErrorCode;
use crate::protocol::messages::delete_groups::{DeletableGroupResult, Request, Response};

pub struct DeleteGroups;

impl Handler for DeleteGroups {
    type Request = Request;
    const VERSIONS: Versions = 0..=3;

    async fn handle(context: Context, request: Request) -> Response {
        let names = &request.groups_names;
        let is_first = |at: usize| !names[..at].contains(&names[at]);
        let once = (0..names.len()).filter(|at| is_first(*at)).map(|at| &names[at]);
        let results = once.map(|group| async {
            let outcome = delete(&context, group).await;
            DeletableGroupResult {
                group_id: group.clone(),
                error_code: outcome.map_or_else(|failure| failure.code, |()| ErrorCode::None).into(),
                error_message: None,
            }
        });
        Response { results: join_all(results).await, ..Response::default() }
    }
}

async fn delete(context: &Context, group: &str) -> Result<(), Failure> {
    let coordinating = context.coordinator_of_any(group).await?;
    let deleted = coordinating.coordinator.ask(group, Delete).await;
    Ok(coordinating.answered(deleted).await??)
}
