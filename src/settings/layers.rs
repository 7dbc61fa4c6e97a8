//! Sources of values besides the table's own defaults.

use std::collections::{BTreeMap, HashMap};

use super::definition::Scope;
use super::tables::lookup;

/// Config values by name, as somebody set them.
pub trait Overrides {
    fn value(&self, name: &str) -> Option<&str>;

    /// Values of single listeners, under their prefixes.
    fn of_listeners(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }
}

/// The names of a listener's own values begin so, and go on with its name in small letters.
pub const LISTENER_PREFIX: &str = "listener.name.";

impl Overrides for BTreeMap<String, String> {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }

    fn of_listeners(&self) -> Vec<(&str, &str)> {
        let all = self.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(name, _)| name.starts_with(LISTENER_PREFIX)).collect()
    }
}

impl Overrides for HashMap<String, String> {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
}

impl Overrides for rpds::HashTrieMapSync<String, String> {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
}

impl Overrides for rpds::RedBlackTreeMapSync<String, String> {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
}

/// Nothing is set.
impl Overrides for () {
    fn value(&self, _name: &str) -> Option<&str> {
        None
    }
}

/// A broker's own values, strongest first. All three hold broker config names (`log.retention.ms`).
#[derive(Clone, Copy)]
pub struct BrokerLayers<'a> {
    /// Set while running, for this broker.
    pub broker: &'a dyn Overrides,
    /// Set while running, for all brokers.
    pub cluster: &'a dyn Overrides,
    /// Set at start by the process settings.
    pub fixed: &'a dyn Overrides,
}

impl BrokerLayers<'_> {
    /// A broker of which nothing was ever set.
    pub const DEFAULTS: BrokerLayers<'static> = BrokerLayers { broker: &(), cluster: &(), fixed: &() };

    /// The number that a broker config has now; `None` if it is unknown, or has none.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        let definition = lookup(Scope::Broker, name)?;
        let layers = [self.broker, self.cluster, self.fixed];
        let set = layers.iter().find_map(|layer| layer.value(name)).or(definition.default)?;
        definition.check(set).ok()?.as_long()
    }
}
