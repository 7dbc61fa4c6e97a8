//! SaslHandshake: picks the SASL mechanism.
//! Versions 0-1. 1: the exchange goes on with SaslAuthenticate (KIP-152).
//! Left out: nothing. A login is not a request like others (`api/login`): here come those that are out of place, of a
//! client that has logged in, or needs not (`KafkaApis`).

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::sasl_handshake::{Request, Response};

pub struct SaslHandshake;

impl Handler for SaslHandshake {
    type Request = Request;
    const VERSIONS: Versions = 0..=1;

    async fn handle(_: Context, _: Request) -> Response {
        Response { error_code: ErrorCode::IllegalSaslState.into(), ..Response::default() }
    }
}
