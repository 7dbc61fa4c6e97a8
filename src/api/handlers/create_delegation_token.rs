//! CreateDelegationToken: makes a delegation token (KIP-48).
//! Versions 1-3. 2: flexible encoding. 3: owners other than the requester (KIP-373).
//! Left out: tokens. The answers are those of a Kafka without a secret key for them (`KafkaApis`).

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::messages::create_delegation_token::{Request, Response};

/// From here on the owner may be another than the requester.
const OWNERS_SINCE: i16 = 3;

pub struct CreateDelegationToken;

impl Handler for CreateDelegationToken {
    type Request = Request;
    const VERSIONS: Versions = 1..=3;

    async fn handle(context: Context, request: Request) -> Response {
        let requester = &context.client.session.principal;
        let (kind, name) = (requester.kind.name(), &*requester.name);
        let requester = if context.version >= OWNERS_SINCE { (kind, name) } else { ("", "") };
        let owner = request.owner_principal_name.filter(|name| !name.is_empty());
        Response {
            error_code: context.no_delegation_tokens().into(),
            principal_type: match owner {
                Some(_) => request.owner_principal_type.unwrap_or_default(),
                None => kind.to_owned(),
            },
            principal_name: owner.unwrap_or_else(|| name.to_owned()),
            token_requester_principal_type: requester.0.to_owned(),
            token_requester_principal_name: requester.1.to_owned(),
            issue_timestamp_ms: -1,
            expiry_timestamp_ms: -1,
            max_timestamp_ms: -1,
            ..Response::default()
        }
    }
}
