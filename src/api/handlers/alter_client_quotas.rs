//! AlterClientQuotas: sets and removes quotas of users, clients and addresses (KIP-546).
//! Versions 0-1. 1: flexible encoding.
//! Left out: quotas. What Kafka would refuse gets its code; setting one that it would take is UNSUPPORTED_VERSION; there
//! is none to remove, so removing succeeds.

use std::collections::{BTreeMap, BTreeSet};

use super::describe_client_quotas::{CLIENT_ID, IP, USER};
use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::alter_client_quotas::request::{EntryData as Asked, OpData};
use crate::protocol::messages::alter_client_quotas::response::{EntityData, EntryData};
use crate::protocol::messages::alter_client_quotas::{Request, Response};

/// The quotas of users and clients, and of addresses (`QuotaConfig`).
const OF_CLIENTS: [&str; 4] =
    ["producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"];
const OF_ADDRESSES: [&str; 1] = ["connection_creation_rate"];

/// Types and names; no name is the default of its type.
type Entity = BTreeMap<String, Option<String>>;

pub struct AlterClientQuotas;

impl Handler for AlterClientQuotas {
    type Request = Request;
    const VERSIONS: Versions = 0..=1;

    async fn handle(_: Context, request: Request) -> Response {
        let mut outcomes: BTreeMap<Entity, Result<(), Failure>> = BTreeMap::new();
        for entry in request.entries {
            let entity = entry.entity.iter().map(|part| (part.entity_type.clone(), part.entity_name.clone()));
            let duplicate = || {
                let message = "An entity cannot be altered twice in the same request".to_owned();
                Err(Failure::new(ErrorCode::InvalidRequest, message))
            };
            let outcome = outcomes.entry(entity.collect()).and_modify(|known| *known = duplicate());
            outcome.or_insert_with(|| alter(&entry));
        }
        let entries = outcomes.into_iter().map(|(entity, outcome)| {
            let result = outcome.err().map(Failure::into);
            let entity =
                entity.into_iter().map(|(entity_type, entity_name)| EntityData { entity_type, entity_name });
            let told = EntryData { error_message: None, ..EntryData::default() };
            EntryData { entity: entity.collect(), ..result.unwrap_or(told) }
        });
        Response { entries: entries.collect(), ..Response::default() }
    }
}

/// The checks of Kafka's `ClientQuotaControlManager`.
fn alter(entry: &Asked) -> Result<(), Failure> {
    let invalid = |message: String| Err(Failure::new(ErrorCode::InvalidRequest, message));
    if entry.entity.is_empty() {
        return invalid("Invalid empty client quota entity".to_owned());
    }
    for entity in &entry.entity {
        if !matches!(entity.entity_type.as_str(), USER | CLIENT_ID | IP) {
            return invalid(format!("Unhandled client quota entity type: {}", entity.entity_type));
        }
        if entity.entity_name.as_ref().is_some_and(String::is_empty) {
            return invalid(format!("Empty {} not supported", entity.entity_type));
        }
    }
    let of_address = entry.entity.iter().any(|entity| entity.entity_type == IP);
    if of_address && entry.entity.len() > 1 {
        return invalid("Invalid quota entity combination".to_owned());
    }
    let keys: &[&str] = if of_address { &OF_ADDRESSES } else { &OF_CLIENTS };
    let mut seen = BTreeSet::new();
    if let Some(again) = entry.ops.iter().find(|op| !seen.insert(op.key.as_str())) {
        return invalid(format!("Duplicate quota key {} not updated", again.key));
    }
    let mut set = entry.ops.iter().filter(|op| !op.remove).peekable();
    if set.peek().is_none() {
        return Ok(());
    }
    for OpData { key, value, .. } in set {
        if !keys.contains(&key.as_str()) {
            return invalid(format!("Invalid configuration key {key}"));
        }
        if value.is_nan() || *value <= 0.0 {
            return invalid(format!("Quota {key} must be greater than 0"));
        }
    }
    Err(Failure::new(ErrorCode::UnsupportedVersion, "Client quotas are not supported yet.".to_owned()))
}
