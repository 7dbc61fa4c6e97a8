//! Kafka's configs as one table: type, default, meaning, synonyms, range, and what this broker makes of each.
//! It knows no topic, no broker state, no wire format and no error code.
//! Entry points: [`definitions`], [`validate`], [`TopicSettings::effective`] and [`describe`].
//! Invariant: a value that [`validate`] accepts either takes effect or is known to mean nothing here.

mod broker;
mod change;
mod definition;
mod describe;
mod dynamic;
mod effective;
mod group;
mod invalid;
mod layers;
mod tables;
mod topic;
mod validator;
mod value;

#[cfg(test)]
mod tests;

pub use change::{Target, append, subtract, validate, validate_group, validate_topic};
pub use definition::{Definition, Importance, Scope, Status, Synonym, Type, Unit, Update};
pub use describe::{
    Described, DescribedSynonym, Source, describe_broker, describe_cluster, describe_group, describe_topic,
};
pub use dynamic::{BIRTHRIGHT, ClusterLayer, keeps_birthright, validate_step};
pub use effective::{
    BrokerSettings, CleanupPolicy, Compression, GroupSettings, MigrationPolicy, Retention, TimestampPolicy,
    TimestampType, TopicSettings,
};
pub use invalid::InvalidConfig;
pub use layers::{BrokerLayers, LISTENER_PREFIX, Overrides};
pub use tables::{definitions, lookup};
pub use validator::Validator;
pub use value::Value;

/// The number that a broker config has as long as nobody sets it.
pub fn default_number<T: TryFrom<i64> + Default>(config: &str) -> T {
    let number = BrokerLayers::DEFAULTS.number(config);
    debug_assert!(number.is_some(), "{config} has no number");
    number.and_then(|number| T::try_from(number).ok()).unwrap_or_default()
}
