//! IncrementalAlterConfigs: sets, deletes, appends to and subtracts from single configs (KIP-339).
//! Versions 0-1.
//! Left out: loggers and subscriptions of client metrics (INVALID_REQUEST).

use std::ops::RangeInclusive;

use futures::future::join_all;

use super::configs::{self, Change, ChangeKind, Named};
use super::context::Context;
use super::handler::Handler;
use crate::protocol::ErrorCode;
use crate::protocol::messages::incremental_alter_configs::{AlterConfigsResourceResponse, Request, Response};

pub struct IncrementalAlterConfigs;

impl Handler for IncrementalAlterConfigs {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let (context, image, resources) = (&context, &image, &request.resources);
        let responses = resources.iter().map(|resource| async move {
            let same = |other: &&_| is_same(resource, other);
            let repeated = resources.iter().filter(same).count() > 1;
            let configs =
                resource.configs.iter().map(|c| (c.name.clone(), c.config_operation, c.value.clone()));
            let change = Change {
                resource: Named { kind: resource.resource_type, name: &resource.resource_name },
                kind: ChangeKind::Each(configs.collect()),
            };
            let outcome = configs::apply(context, image, change, repeated, request.validate_only).await;
            let failure = outcome.err();
            AlterConfigsResourceResponse {
                error_code: failure.as_ref().map_or(ErrorCode::None, |failure| failure.code).into(),
                error_message: failure.and_then(|failure| failure.message),
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
            }
        });
        Response { responses: join_all(responses).await, ..Response::default() }
    }
}

fn is_same(
    one: &crate::protocol::messages::incremental_alter_configs::AlterConfigsResource,
    other: &crate::protocol::messages::incremental_alter_configs::AlterConfigsResource,
) -> bool {
    one.resource_type == other.resource_type && one.resource_name == other.resource_name
}
