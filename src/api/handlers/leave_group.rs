//! LeaveGroup: members of a classic group go.
//! Versions 0-5. 3: many members at once, by instance too (KIP-345). 5: reason (KIP-800), which nothing here needs.
//! Left out: nothing.

use std::sync::Arc;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::coordinator::group::classic::{Leave, Leaver};
use crate::protocol::ErrorCode;
use crate::protocol::messages::leave_group::{MemberIdentity, MemberResponse, Request, Response};

pub struct LeaveGroup;

impl Handler for LeaveGroup {
    type Request = Request;
    const VERSIONS: Versions = 0..=5;

    async fn handle(context: Context, request: Request) -> Result<Response, Failure> {
        let members = match context.version {
            0..=2 => vec![MemberIdentity { member_id: request.member_id, ..MemberIdentity::default() }],
            _ => request.members,
        };
        let outcomes = leave(&context, &request.group_id, &members).await?;
        if context.version < 3 {
            let code = outcomes.first().copied().unwrap_or(ErrorCode::None);
            return Ok(Response { error_code: code.into(), ..Response::default() });
        }
        let answer = |(member, code): (MemberIdentity, ErrorCode)| MemberResponse {
            member_id: member.member_id,
            group_instance_id: member.group_instance_id,
            error_code: code.into(),
        };
        let members = members.into_iter().zip(outcomes).map(answer).collect();
        Ok(Response { members, ..Response::default() })
    }
}

/// Takes the members out of the group. The codes are in their order.
async fn leave(
    context: &Context,
    group: &str,
    members: &[MemberIdentity],
) -> Result<Vec<ErrorCode>, Failure> {
    let coordinating = context.coordinator(group).await?;
    let leavers = members.iter().map(|member| Leaver {
        member_id: Arc::from(&*member.member_id),
        instance: member.group_instance_id.as_deref().map(Arc::from),
    });
    let left = coordinating.coordinator.ask(group, Leave { members: leavers.collect() }).await;
    let outcomes = coordinating.answered(left).await?.into_iter();
    let code = |outcome: Result<(), _>| {
        outcome.map_or_else(|refusal| Failure::from(refusal).code, |()| ErrorCode::None)
    };
    Ok(outcomes.map(code).collect())
}
