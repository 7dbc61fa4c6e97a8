//! DescribeClientQuotas: the quotas of users, clients and addresses (KIP-546).
//! Versions 0-1. 1: flexible encoding.
//! Left out: quotas, so none matches a filter; filters are checked as Kafka's `ClientQuotasImage` does.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_client_quotas::{ComponentData, Request, Response};

/// Ways to match the name of an entity (`DescribeClientQuotasRequest`).
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const ANY: i8 = 2;

/// Types of entities that have quotas (`ClientQuotaEntity`).
pub(super) const USER: &str = "user";
pub(super) const CLIENT_ID: &str = "client-id";
pub(super) const IP: &str = "ip";

pub struct DescribeClientQuotas;

impl Handler for DescribeClientQuotas {
    type Request = Request;
    const VERSIONS: Versions = 0..=1;

    async fn handle(_: Context, request: Request) -> Response {
        match check(&request.components) {
            Ok(()) => Response { entries: Some(Vec::new()), ..Response::default() },
            Err(failure) => Response { entries: None, ..failure.into() },
        }
    }
}

fn check(components: &[ComponentData]) -> Result<(), Failure> {
    let invalid = |message: String| Err(Failure::new(ErrorCode::InvalidRequest, message));
    for (position, component) in components.iter().enumerate() {
        let kind = component.entity_type.as_str();
        if kind.is_empty() {
            return invalid("Invalid empty entity type.".to_owned());
        }
        if components[..position].iter().any(|earlier| earlier.entity_type == kind) {
            return invalid(format!("Entity type {kind} cannot appear more than once in the filter."));
        }
        if !matches!(kind, USER | CLIENT_ID | IP) {
            let message = format!("Unsupported entity type {kind}");
            return Err(Failure::new(ErrorCode::UnsupportedVersion, message));
        }
        match (component.match_type, &component.r#match) {
            (EXACT, Some(_)) | (DEFAULT | ANY, None) => {}
            (EXACT, None) => {
                return invalid(
                    "Request specified MATCH_TYPE_EXACT, but set match string to null.".to_owned(),
                );
            }
            (DEFAULT | ANY, Some(_)) => {
                return invalid(
                    "Request specified no exact match, but also specified a match string.".to_owned(),
                );
            }
            (other, _) => return invalid(format!("Unknown match type {other}")),
        }
    }
    let has = |wanted: &str| components.iter().any(|component| component.entity_type == wanted);
    if has(IP) && (has(USER) || has(CLIENT_ID)) {
        return invalid(
            "Invalid entity filter component combination, IP filter component should not be used with user \
             or clientId filter component."
                .to_owned(),
        );
    }
    Ok(())
}
