//! ListConfigResources: what has configs (KIP-1142).
//! Versions 0-1. 0: subscriptions of client metrics only. 1: any types.
//! Left out: nothing. There are no subscriptions of client metrics, and loggers are listed as their broker.

use crate::api::configs;
use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::list_config_resources::{ConfigResource, Request, Response};

pub struct ListConfigResources;

impl Handler for ListConfigResources {
    type Request = Request;
    const VERSIONS: Versions = 0..=1;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let asked = match (context.version, request.resource_types.as_slice()) {
            (0, _) => vec![configs::CLIENT_METRICS],
            (_, []) => configs::TYPES.to_vec(),
            (_, types) => types.to_vec(),
        };
        if asked.iter().any(|kind| !configs::TYPES.contains(kind)) {
            return Response { error_code: ErrorCode::UnsupportedVersion.into(), ..Response::default() };
        }
        let listed = configs::TYPES.into_iter().filter(|kind| asked.contains(kind));
        let resources = listed.flat_map(|kind| {
            let named = names(&image, kind).into_iter();
            named.map(move |resource_name| ConfigResource { resource_name, resource_type: kind })
        });
        Response { config_resources: resources.collect(), ..Response::default() }
    }
}

fn names(image: &Image, kind: i8) -> Vec<String> {
    match kind {
        configs::TOPIC => image.topics.iter().map(|topic| topic.name.to_string()).collect(),
        configs::BROKER | configs::BROKER_LOGGER => image.brokers.keys().map(|id| id.to_string()).collect(),
        configs::GROUP => image.configs.groups.keys().cloned().collect(),
        _ => Vec::new(),
    }
}
