//! AlterConfigs: replaces all configs of a resource.
//! Versions 0-2.
//! Left out: loggers and subscriptions of client metrics (INVALID_REQUEST).

use crate::api::configs::Wanted;
use crate::api::configs::{self, Change};
use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::messages::alter_configs::{AlterConfigsResourceResponse, Request, Response};

pub struct AlterConfigs;

impl Handler for AlterConfigs {
    type Request = Request;
    const VERSIONS: Versions = 0..=2;

    async fn handle(context: Context, request: Request) -> Response {
        let changes = request.resources.into_iter().map(|resource| {
            let configs = resource.configs.into_iter().map(|c| (c.name, c.value));
            Change {
                kind: resource.resource_type,
                name: resource.resource_name,
                wanted: Wanted::Replace(configs.collect()),
            }
        });
        let changed = configs::apply(&context, changes.collect(), request.validate_only).await;
        let responses = changed.into_iter().map(|changed| AlterConfigsResourceResponse {
            error_code: changed.error_code,
            error_message: changed.error_message,
            resource_type: changed.kind,
            resource_name: changed.name,
        });
        Response { responses: responses.collect(), ..Response::default() }
    }
}
