//! InitProducerId: an id for an idempotent producer.
//! Versions 0-5. 3: the producer's current id and epoch (KIP-360). 4: PRODUCER_FENCED. 5: KIP-890.
//! Left out: transactions. A transactional id gets TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which no client retries.
//! Version 6 (KIP-939) is unstable in Kafka and not announced.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::init_producer_id::{Request, Response};
use crate::types::ProducerId;

pub struct InitProducerId;

impl Handler for InitProducerId {
    type Request = Request;
    const VERSIONS: Versions = 0..=5;

    async fn handle(context: Context, request: Request) -> Response {
        match allocate(&context, &request).await {
            Ok(id) => Response { producer_id: id.0, producer_epoch: 0, ..Response::default() },
            Err(failure) => Response {
                error_code: failure.code.into(),
                producer_id: -1,
                producer_epoch: -1,
                ..Response::default()
            },
        }
    }
}

async fn allocate(context: &Context, request: &Request) -> Result<ProducerId, Failure> {
    match request.transactional_id.as_deref() {
        Some("") => return Err(ErrorCode::InvalidRequest.into()),
        Some(_) => return Err(context.no_transactions().into()),
        None => {}
    }
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return Err(ErrorCode::InvalidRequest.into());
    }
    context.broker.allocate_producer_id().await
}
