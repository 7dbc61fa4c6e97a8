//! SaslAuthenticate: one step of a SASL exchange.
//! Versions 0-2. 1: session lifetimes (KIP-368). 2: flexible encoding.
//! Left out: nothing. A login is not a request like others (`api/login`): here come those that are out of place, of a
//! client that has logged in, or needs not (`KafkaApis`).

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::sasl_authenticate::{Request, Response};

pub struct SaslAuthenticate;

impl Handler for SaslAuthenticate {
    type Request = Request;
    const VERSIONS: Versions = 0..=2;

    async fn handle(_: Context, _: Request) -> Response {
        Response {
            error_code: ErrorCode::IllegalSaslState.into(),
            error_message: Some(
                "SaslAuthenticate request received after successful authentication".to_owned(),
            ),
            ..Response::default()
        }
    }
}
