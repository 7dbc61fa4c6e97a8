//! FindCoordinator: which broker coordinates a group or a transactional id.
//! Versions 0-6. 1: transactional ids. 4: many keys at once (KIP-699). 6: share groups (KIP-932).
//! Left out: share groups, whose keys get INVALID_REQUEST, as those of a type that does not exist.

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::api::topics::Endpoint;
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::find_coordinator::{Coordinator, Request, Response};

/// `FindCoordinatorRequest.CoordinatorType`.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

pub struct FindCoordinator;

impl Handler for FindCoordinator {
    type Request = Request;
    const VERSIONS: Versions = 0..=6;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        if context.version >= 4 {
            let keys = request.coordinator_keys.iter();
            let coordinators = keys.map(|key| find(&context, &image, request.key_type, key)).collect();
            return Response { coordinators, ..Response::default() };
        }
        let found = find(&context, &image, request.key_type, &request.key);
        let is_found = found.error_code == i16::from(ErrorCode::None);
        // `Errors.NONE.message()`: a single key gets a message whatever comes of it.
        let error_message = if is_found { Some("NONE".to_owned()) } else { found.error_message };
        Response {
            error_code: found.error_code,
            error_message,
            node_id: found.node_id,
            host: found.host,
            port: found.port,
            ..Response::default()
        }
    }
}

fn find(context: &Context, image: &Image, key_type: i8, key: &str) -> Coordinator {
    let endpoint = match key_type {
        GROUP | TRANSACTION => {
            let owner = image.coordinator(key).and_then(|shard| image.shard(shard)?.owner);
            owner
                .filter(|owner| image.counts_on(*owner))
                .and_then(|owner| Endpoint::of(image.broker(owner.broker)?, &context.client.session.listener))
                .ok_or(ErrorCode::CoordinatorNotAvailable)
        }
        _ => Err(ErrorCode::InvalidRequest),
    };
    let key = key.to_owned();
    match endpoint {
        Ok(Endpoint { node_id, host, port, .. }) => {
            Coordinator { key, node_id, host, port, ..Coordinator::default() }
        }
        Err(code) => Coordinator {
            key,
            node_id: -1,
            port: -1,
            error_code: code.into(),
            error_message: Some(explain(code).to_owned()),
            ..Coordinator::default()
        },
    }
}

fn explain(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidRequest => "There is no coordinator for keys of this type.",
        _ => "The coordinator is not available.",
    }
}
