//! RenewDelegationToken: puts off the expiry of a delegation token (KIP-48).
//! Versions 1-2. 2: flexible encoding.
//! Left out: tokens. They come with SASL or mutual TLS, so the answer is that of a Kafka listener without (`KafkaApis`).

use std::ops::RangeInclusive;

use super::context::Context;
use super::handler::Handler;
use crate::protocol::ErrorCode;
use crate::protocol::messages::renew_delegation_token::{Request, Response};

pub struct RenewDelegationToken;

impl Handler for RenewDelegationToken {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 1..=2;

    async fn handle(_: Context, _: Request) -> Response {
        Response {
            error_code: ErrorCode::DelegationTokenRequestNotAllowed.into(),
            expiry_timestamp_ms: -1,
            ..Response::default()
        }
    }
}
