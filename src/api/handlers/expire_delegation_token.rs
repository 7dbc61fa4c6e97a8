//! ExpireDelegationToken: ends a delegation token (KIP-48).
//! Versions 1-2. 2: flexible encoding.
//! Left out: tokens. They come with SASL or mutual TLS, so the answer is that of a Kafka listener without (`KafkaApis`).

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::expire_delegation_token::{Request, Response};

pub struct ExpireDelegationToken;

impl Handler for ExpireDelegationToken {
    type Request = Request;
    const VERSIONS: Versions = 1..=2;

    async fn handle(_: Context, _: Request) -> Response {
        Response {
            error_code: ErrorCode::DelegationTokenRequestNotAllowed.into(),
            expiry_timestamp_ms: -1,
            ..Response::default()
        }
    }
}
