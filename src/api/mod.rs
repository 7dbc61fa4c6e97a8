//! The Kafka APIs: handlers, one for each, and what they share.
//! It must never know how bytes reach the store, or how metadata is agreed on: a handler asks one layer and answers.
//! Entry point: [`Service`], to which the network layer gives frames.
//! Invariant: what ApiVersions announces is what this table serves.
#![allow(refining_impl_trait, reason = "a handler's own answer is what the dispatcher turns into a reply")]

mod configs;
mod context;
mod dispatch;
mod errors;
mod fetch_session;
mod handler;
mod handlers;
mod login;
mod metrics;
mod operations;
mod refusals;
mod rules;
mod session;
mod together;
mod topic_settings;
mod topics;

pub use context::{Broker, Options};
pub use dispatch::Service;
use handlers::TABLE;
pub use login::{Sasl, Security};

/// The APIs served, each with the versions announced.
pub fn announced() -> impl Iterator<Item = (crate::protocol::ApiKey, handler::Versions)> {
    TABLE.iter().map(|entry| (entry.key, entry.announced.clone()))
}
