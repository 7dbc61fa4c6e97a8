//! SyncGroup: the leader of a classic group hands out assignments, and every member gets its own.
//! Versions 0-5. 3: static members (KIP-345). 5: protocol type and name (KIP-559).
//! Left out: nothing.

use std::sync::Arc;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::coordinator::group::classic::{Sync, SyncReply};
use crate::protocol::ErrorCode;
use crate::protocol::messages::sync_group::{Request, Response};

pub struct SyncGroup;

impl Handler for SyncGroup {
    type Request = Request;
    const VERSIONS: Versions = 0..=5;

    async fn handle(context: Context, request: Request) -> Response {
        match sync(context, request).await {
            Ok(reply) => Response {
                error_code: reply
                    .refusal
                    .map_or(ErrorCode::None, |refusal| Failure::from(refusal).code)
                    .into(),
                protocol_type: reply.protocol_type.as_deref().map(str::to_owned),
                protocol_name: reply.protocol_name.as_deref().map(str::to_owned),
                assignment: reply.assignment,
                ..Response::default()
            },
            Err(failure) => failure.into(),
        }
    }
}

async fn sync(context: Context, request: Request) -> Result<SyncReply, Failure> {
    // From this version on the protocol must be named (`KafkaApis.handleSyncGroupRequest`).
    let is_unnamed = request.protocol_type.is_none() || request.protocol_name.is_none();
    if context.version >= 5 && is_unnamed {
        return Err(ErrorCode::InconsistentGroupProtocol.into());
    }
    let coordinating = context.coordinator(&request.group_id).await?;
    let assignments = request.assignments.into_iter();
    let sync = Sync {
        member_id: request.member_id.into(),
        instance: request.group_instance_id.map(Arc::from),
        generation: request.generation_id,
        protocol_type: request.protocol_type,
        protocol_name: request.protocol_name,
        assignments: assignments.map(|share| (share.member_id, share.assignment)).collect(),
    };
    let synced = coordinating.coordinator.ask(&request.group_id, sync).await;
    coordinating.answered(synced).await
}
