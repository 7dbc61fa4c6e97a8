//! UnregisterBroker: removes a broker that will not come back (KIP-500).
//! Version 0.
//!
//! One that lives is refused, which Kafka's controller would remove until it registers again.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::cluster::{Removal, Stuck};
use crate::protocol::ErrorCode;
use crate::protocol::messages::unregister_broker::{Request, Response};
use crate::types::BrokerId;

pub struct UnregisterBroker;

impl Handler for UnregisterBroker {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(context: Context, request: Request) -> Response {
        let removal = Removal { broker: BrokerId(request.broker_id), drains: false };
        match context.broker.remove(removal).await {
            Ok(_) => Response::default(),
            Err(stuck) => Failure::new(code(&stuck), stuck.to_string()).into(),
        }
    }
}

fn code(stuck: &Stuck) -> ErrorCode {
    match stuck {
        Stuck::Unknown(_) => ErrorCode::BrokerIdNotRegistered,
        Stuck::Later(_) => ErrorCode::NotController,
        Stuck::Refused(_)
        | Stuck::Lives(_)
        | Stuck::NobodyElse(_)
        | Stuck::LastVoter(_)
        | Stuck::NoMajority(_) => ErrorCode::InvalidRequest,
    }
}
