//! UnregisterBroker: removes a broker that will not come back (KIP-500).
//! Version 0.
//! Left out: removing a broker. One that is registered is refused.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::unregister_broker::{Request, Response};
use crate::types::BrokerId;

pub struct UnregisterBroker;

impl Handler for UnregisterBroker {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(context: Context, request: Request) -> Response {
        let id = request.broker_id;
        let failure = match context.image().broker(BrokerId(id)) {
            None => Failure::new(
                ErrorCode::BrokerIdNotRegistered,
                format!("Broker ID {id} is not currently registered"),
            ),
            Some(_) => Failure::new(
                ErrorCode::UnsupportedVersion,
                "Removing a broker that is registered is not supported yet.".to_owned(),
            ),
        };
        failure.into()
    }
}
