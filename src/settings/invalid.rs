//! Names and values of configs that are refused.

/// A name or value that is refused. Kafka's code for it is `INVALID_CONFIG`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidConfig {
    pub name: String,
    /// In Kafka's words where Kafka would refuse it too.
    pub message: String,
}

impl InvalidConfig {
    pub(super) fn new(name: &str, message: String) -> InvalidConfig {
        InvalidConfig { name: name.to_owned(), message }
    }

    pub(super) fn value(name: &str, value: &str, reason: &str) -> InvalidConfig {
        InvalidConfig::new(name, format!("Invalid value {value} for configuration {name}: {reason}"))
    }
}
