//! Heartbeat: a member of a classic group lives, and learns whether it must join again.
//! Versions 0-4. 3: static members (KIP-345).
//! Left out: nothing.

use std::sync::Arc;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::coordinator::group::classic;
use crate::protocol::messages::heartbeat::{Request, Response};

pub struct Heartbeat;

impl Handler for Heartbeat {
    type Request = Request;
    const VERSIONS: Versions = 0..=4;

    async fn handle(context: Context, request: Request) -> Result<Response, Failure> {
        let coordinating = context.coordinator(&request.group_id).await?;
        let heartbeat = classic::Heartbeat {
            member_id: request.member_id.into(),
            instance: request.group_instance_id.map(Arc::from),
            generation: request.generation_id,
        };
        let seen = coordinating.coordinator.ask(&request.group_id, heartbeat).await;
        coordinating.answered(seen).await??;
        Ok(Response::default())
    }
}
