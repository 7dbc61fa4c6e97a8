//! ApiVersions: which APIs and features this broker serves.
//! Versions 0-5. 1: throttle time. 3: client software and features (KIP-511, KIP-584). 4: features whose levels start at 0
//! (KAFKA-17011). 5: the client says which cluster and node it means to reach (KIP-1242).
//! Left out: nothing. Versions above these are answered in version 0.

use crate::api::context::Context;
use crate::api::handler::{Entry, Handler, Versions};
use crate::metadata::{FEATURES, Features};
use crate::protocol::ErrorCode;
use crate::protocol::messages::api_versions::{
    ApiVersion, FinalizedFeatureKey, Request, Response, SupportedFeatureKey,
};

/// From here on the client says what software it is (KIP-511).
pub const SOFTWARE_SINCE: i16 = 3;

pub struct ApiVersions;

impl Handler for ApiVersions {
    type Request = Request;
    const VERSIONS: Versions = 0..=5;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        if context.version >= SOFTWARE_SINCE && !software_is_valid(&request) {
            return refuse(ErrorCode::InvalidRequest);
        }
        if request.cluster_id.is_some() != (request.node_id >= 0) {
            return refuse(ErrorCode::InvalidRequest);
        }
        let meant_elsewhere =
            |cluster: &String| *cluster != *image.cluster_id || request.node_id != context.broker.id.0;
        if request.cluster_id.as_ref().is_some_and(meant_elsewhere) {
            return refuse(ErrorCode::RebootstrapRequired);
        }
        Response {
            api_keys: super::TABLE.iter().map(announce).collect(),
            supported_features: supported(context.version),
            finalized_features_epoch: image.features.epoch,
            finalized_features: finalized(&image.features),
            ..Response::default()
        }
    }

    /// Nothing but the range of this API (KIP-511).
    fn refuse_version() -> Option<Response> {
        let api_keys = vec![announce(&Entry::of::<ApiVersions>())];
        Some(Response { api_keys, ..refuse(ErrorCode::UnsupportedVersion) })
    }
}

fn refuse(code: ErrorCode) -> Response {
    Response { error_code: code.into(), ..Response::default() }
}

fn announce(entry: &Entry) -> ApiVersion {
    ApiVersion {
        api_key: entry.key.key(),
        min_version: *entry.announced.start(),
        max_version: *entry.announced.end(),
    }
}

/// Name and version are words of letters, digits, dashes and dots, as in `ApiVersionsRequest.isValid`.
pub fn software_is_valid(request: &Request) -> bool {
    let is_word = |text: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        let bytes = text.as_bytes();
        edge(bytes.first().copied())
            && edge(bytes.last().copied())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
    };
    is_word(&request.client_software_name) && is_word(&request.client_software_version)
}

/// Before version 4 clients stumble over a range that starts at 0, so such features are not named to them.
fn supported(version: i16) -> Vec<SupportedFeatureKey> {
    let named = FEATURES.iter().filter(|feature| version >= 4 || feature.min > 0);
    named
        .map(|feature| SupportedFeatureKey {
            name: feature.name.to_owned(),
            min_version: feature.min,
            max_version: feature.max,
        })
        .collect()
}

fn finalized(features: &Features) -> Vec<FinalizedFeatureKey> {
    let finalized = features.levels.iter().map(|(name, level)| FinalizedFeatureKey {
        name: name.clone(),
        max_version_level: *level,
        min_version_level: *level,
    });
    finalized.collect()
}
