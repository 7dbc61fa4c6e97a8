//! DescribeDelegationToken: lists delegation tokens (KIP-48).
//! Versions 1-3. 2: flexible encoding. 3: owners other than the requester (KIP-373).
//! Left out: tokens. The answers are those of a Kafka without a secret key for them (`KafkaApis`).

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::messages::describe_delegation_token::{Request, Response};

pub struct DescribeDelegationToken;

impl Handler for DescribeDelegationToken {
    type Request = Request;
    const VERSIONS: Versions = 1..=3;

    async fn handle(context: Context, _: Request) -> Response {
        Response { error_code: context.no_delegation_tokens().into(), ..Response::default() }
    }
}
