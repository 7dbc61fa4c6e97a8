//! JoinGroup: a client enters a classic group, or its next generation.
//! Versions 0-9. 1: rebalance timeout. 4: MEMBER_ID_REQUIRED (KIP-394). 5: static members (KIP-345). 7: protocol type.
//! 8: reason (KIP-800), which nothing here needs. 9: the leader need not assign (KIP-814).
//! Left out: nothing.

use std::sync::Arc;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::coordinator::group::classic::{Join, JoinReply, JoinedMember, Knows, Protocol};
use crate::protocol::ErrorCode;
use crate::protocol::messages::join_group::{JoinGroupResponseMember, Request, Response};

pub struct JoinGroup;

impl Handler for JoinGroup {
    type Request = Request;
    const VERSIONS: Versions = 0..=9;

    async fn handle(context: Context, request: Request) -> Response {
        let version = context.version;
        let member_id = request.member_id.clone();
        let response = match join(context, request).await {
            Ok(reply) => answer(reply),
            Err(failure) => Response { member_id, ..failure.into() },
        };
        // Older versions have no null, and the newer ones nothing empty.
        let protocol_name = response.protocol_name.filter(|name| !name.is_empty());
        let protocol_name = protocol_name.or_else(|| (version < 7).then(String::new));
        Response { protocol_name, ..response }
    }
}

async fn join(context: Context, request: Request) -> Result<JoinReply, Failure> {
    let coordinating = context.coordinator(&request.group_id).await?;
    let (least, most) = context.group_settings().classic.session_timeout_ms;
    if !(least..=most).contains(&request.session_timeout_ms) {
        return Err(ErrorCode::InvalidSessionTimeout.into());
    }
    let protocols = request
        .protocols
        .into_iter()
        .map(|protocol| Protocol { name: protocol.name.into(), metadata: protocol.metadata });
    let name = request.group_instance_id.as_deref().unwrap_or(&context.client.id);
    let join = Join {
        member_id: request.member_id.into(),
        fresh_id: format!("{name}-{}", context.broker.runtime.rng.uuid()).into(),
        client_id: context.client.id.clone(),
        client_host: context.client.host(),
        session_timeout_ms: request.session_timeout_ms,
        // The first version has one timeout for both.
        rebalance_timeout_ms: match context.version {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        },
        protocol_type: request.protocol_type.into(),
        protocols: protocols.collect(),
        knows: Knows { member_id_required: context.version >= 4, skip_assignment: context.version >= 9 },
        instance: request.group_instance_id.map(Arc::from),
    };
    let joined = coordinating.coordinator.ask(&request.group_id, join).await;
    coordinating.answered(joined).await
}

fn answer(reply: JoinReply) -> Response {
    let member = |member: JoinedMember| JoinGroupResponseMember {
        member_id: member.id.to_string(),
        group_instance_id: member.instance.as_deref().map(str::to_owned),
        metadata: member.metadata,
    };
    Response {
        error_code: reply.refusal.map_or(ErrorCode::None, |refusal| Failure::from(refusal).code).into(),
        generation_id: reply.generation,
        protocol_type: reply.protocol_type.as_deref().map(str::to_owned),
        protocol_name: reply.protocol_name.as_deref().map(str::to_owned),
        leader: reply.leader.to_string(),
        skip_assignment: reply.skip_assignment,
        member_id: reply.member_id.to_string(),
        members: reply.members.into_iter().map(member).collect(),
        ..Response::default()
    }
}
