//! DescribeCluster: the brokers of the cluster (KIP-700).
//! Versions 0-2. 1: brokers or controllers (KIP-919). 2: fenced brokers (KIP-1073).
//! Left out: controllers have no listener for clients, so asking for them is MISMATCHED_ENDPOINT_TYPE, as on a Kafka broker.

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::api::operations;
use crate::api::topics::{Endpoint, NOBODY};
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_cluster::{DescribeClusterBroker, Request, Response};

/// `EndpointType` (KIP-919).
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub struct DescribeCluster;

impl Handler for DescribeCluster {
    type Request = Request;
    const VERSIONS: Versions = 0..=2;

    async fn handle(context: Context, request: Request) -> Response {
        let refuse = |code: ErrorCode, message: String| Response {
            error_code: code.into(),
            error_message: Some(message),
            ..Response::default()
        };
        match request.endpoint_type {
            BROKERS => {}
            CONTROLLERS => {
                let message = "The request was sent to an endpoint of type BROKER, but we wanted an \
                               endpoint of type CONTROLLER";
                return refuse(ErrorCode::MismatchedEndpointType, message.to_owned());
            }
            other => {
                return refuse(
                    ErrorCode::UnsupportedEndpointType,
                    format!("Unsupported endpoint type {other}"),
                );
            }
        }
        let image = context.image();
        Response {
            cluster_id: image.cluster_id.to_string(),
            controller_id: context.broker.controller(&image).map_or(NOBODY, |id| id.0),
            brokers: brokers(&image, &context.client.session.listener, request.include_fenced_brokers),
            cluster_authorized_operations: if request.include_cluster_authorized_operations {
                operations::CLUSTER
            } else {
                operations::NOT_ASKED
            },
            ..Response::default()
        }
    }
}

fn brokers(image: &Image, listener: &str, with_fenced: bool) -> Vec<DescribeClusterBroker> {
    let told = image.brokers.values().filter(|broker| with_fenced || image.is_live(broker.id));
    let described = told.filter_map(|broker| {
        let is_fenced = !image.is_live(broker.id);
        Some(DescribeClusterBroker { is_fenced, ..Endpoint::of(broker, listener)?.into() })
    });
    described.collect()
}
