//! DescribeDelegationToken: lists delegation tokens (KIP-48).
//! Versions 1-3. 2: flexible encoding. 3: owners other than the requester (KIP-373).
//! Left out: tokens. They come with SASL or mutual TLS, so the answer is that of a Kafka listener without (`KafkaApis`).

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_delegation_token::{Request, Response};

pub struct DescribeDelegationToken;

impl Handler for DescribeDelegationToken {
    type Request = Request;
    const VERSIONS: Versions = 1..=3;

    async fn handle(_: Context, _: Request) -> Response {
        Response { error_code: ErrorCode::DelegationTokenRequestNotAllowed.into(), ..Response::default() }
    }
}
