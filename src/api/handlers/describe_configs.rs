//! DescribeConfigs: configs with their values, sources and synonyms.
//! Versions 1-4. 1: sources and synonyms (KIP-226). 3: types and documentation (KIP-569).
//! Left out: a broker has no logger whose level could be changed, and no subscription of client metrics exists.

use crate::api::configs::{self, Named, TYPES, invalid};
use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::metadata::{Image, check_topic_name};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_configs::{
    DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
    Request, Response,
};
use crate::settings::{
    ClusterLayer, Described, Type, describe_broker, describe_cluster, describe_group, describe_topic,
};

pub struct DescribeConfigs;

impl Handler for DescribeConfigs {
    type Request = Request;
    const VERSIONS: Versions = 1..=4;

    async fn handle(context: Context, request: Request) -> Response {
        let unknown = request.resources.iter().find(|resource| !TYPES.contains(&resource.resource_type));
        if let Some(unknown) = unknown {
            let failure = invalid(&format!("Unexpected resource type {}", unknown.resource_type));
            return refuse(&request, &failure);
        }
        let image = context.newest_known().await;
        let results = request.resources.iter().map(|resource| {
            let mut result = DescribeConfigsResult {
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
                ..DescribeConfigsResult::default()
            };
            match describe(&context, &image, resource) {
                Ok(configs) => {
                    let wanted = |config: &Described| is_wanted(resource, &config.name);
                    let shown = configs.into_iter().filter(wanted);
                    result.configs = shown.map(|config| show(config, &request)).collect();
                }
                Err(failure) => {
                    result.error_code = failure.code.into();
                    result.error_message = Some(failure.message.unwrap_or_default());
                }
            }
            result
        });
        Response { results: results.collect(), ..Response::default() }
    }
}

/// Refuses all resources of a request: one of them is of no type that there is.
fn refuse(request: &Request, failure: &Failure) -> Response {
    let results = request.resources.iter().map(|resource| DescribeConfigsResult {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..failure.clone().into()
    });
    Response { results: results.collect(), ..Response::default() }
}

fn describe(
    context: &Context,
    image: &Image,
    resource: &DescribeConfigsResource,
) -> Result<Vec<Described>, Failure> {
    let broker = &context.broker;
    let named = Named { kind: resource.resource_type, name: &resource.resource_name };
    match named.kind {
        configs::TOPIC => {
            check_topic_name(named.name)?;
            let topic = image.topic_by_name(named.name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
            Ok(broker.with_layers(image, |layers| describe_topic(&topic.configs, layers)))
        }
        configs::BROKER if named.name.is_empty() => {
            Ok(describe_cluster(&ClusterLayer(image.configs.cluster.as_ref())))
        }
        configs::BROKER => {
            named.this_broker(broker)?;
            Ok(broker.with_layers(image, describe_broker))
        }
        configs::BROKER_LOGGER if named.name.is_empty() => Err(invalid("Broker id must not be empty")),
        configs::BROKER_LOGGER => named.this_broker(broker).map(|_| Vec::new()),
        configs::CLIENT_METRICS if named.name.is_empty() => {
            Err(invalid("Client metrics subscription name must not be empty"))
        }
        configs::CLIENT_METRICS => Ok(Vec::new()),
        configs::GROUP if named.name.is_empty() => Err(invalid("Group name must not be empty")),
        configs::GROUP => {
            let own = image.configs.groups.get(named.name).cloned().unwrap_or_default();
            Ok(broker.with_layers(image, |layers| describe_group(own.as_ref(), layers)))
        }
        kind => Err(invalid(&format!("Unsupported resource type: {kind}"))),
    }
}

/// No keys, and an empty list of keys, both ask for all (`ConfigHelperUtils.createResponseConfig`).
fn is_wanted(resource: &DescribeConfigsResource, name: &str) -> bool {
    match resource.configuration_keys.as_deref() {
        None | Some([]) => true,
        Some(keys) => keys.iter().any(|key| key == name),
    }
}

fn show(config: Described, request: &Request) -> DescribeConfigsResourceResult {
    let synonyms = config.synonyms.into_iter().filter(|_| request.include_synonyms);
    DescribeConfigsResourceResult {
        name: config.name.into_owned(),
        value: config.value,
        read_only: config.read_only,
        config_source: config.source as i8,
        is_sensitive: config.sensitive,
        synonyms: synonyms
            .map(|synonym| DescribeConfigsSynonym {
                name: synonym.name.into_owned(),
                value: synonym.value,
                source: synonym.source as i8,
            })
            .collect(),
        config_type: type_id(config.kind),
        documentation: request.include_documentation.then(|| config.documentation.to_owned()),
    }
}

/// `DescribeConfigsResponse.ConfigType`.
fn type_id(kind: Type) -> i8 {
    match kind {
        Type::Boolean => 1,
        Type::String => 2,
        Type::Int => 3,
        Type::Short => 4,
        Type::Long => 5,
        Type::Double => 6,
        Type::List => 7,
        Type::Class => 8,
        Type::Password => 9,
    }
}
