//! RenewDelegationToken: puts off the expiry of a delegation token (KIP-48).
//! Versions 1-2. 2: flexible encoding.
//! Left out: tokens. The answers are those of a Kafka without a secret key for them (`KafkaApis`).

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::messages::renew_delegation_token::{Request, Response};

pub struct RenewDelegationToken;

impl Handler for RenewDelegationToken {
    type Request = Request;
    const VERSIONS: Versions = 1..=2;

    async fn handle(context: Context, _: Request) -> Response {
        Response {
            error_code: context.no_delegation_tokens().into(),
            expiry_timestamp_ms: -1,
            ..Response::default()
        }
    }
}
