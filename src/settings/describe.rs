//! Configs as they are shown: value, where it comes from, and what else it could come from.
//!
//! Order and sources are those of Kafka's `ConfigHelper`: per layer, from the strongest down, every synonym that it
//! sets; what stands before the first mention of the config's own broker name is left out.

use std::borrow::Cow;

use super::definition::{Definition, Scope, Synonym, Type, Update};
use super::layers::{BrokerLayers, LISTENER_PREFIX, Overrides};
use super::tables::{definitions, lookup};

/// The source of a value. The number is the one that DescribeConfigs uses (`DescribeConfigsResponse.ConfigSource`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i8)]
pub enum Source {
    DynamicTopic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    Group = 8,
}

/// A value that would count if all stronger ones went away; the first one is the one that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedSynonym {
    pub name: Cow<'static, str>,
    /// In the synonym's own unit. `None` if it is sensitive.
    pub value: Option<String>,
    pub source: Source,
}

/// One config as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub name: Cow<'static, str>,
    /// `None` if it is sensitive, or null.
    pub value: Option<String>,
    pub source: Source,
    pub read_only: bool,
    pub sensitive: bool,
    pub synonyms: Vec<DescribedSynonym>,
    pub kind: Type,
    pub documentation: &'static str,
}

impl Described {
    /// True if nobody set it: what DescribeConfigs version 0 and `isDefault` ask.
    pub fn is_default(&self) -> bool {
        self.source == Source::Default
    }
}

/// Every config of a topic, by name.
pub fn describe_topic(topic: &dyn Overrides, broker: &BrokerLayers<'_>) -> Vec<Described> {
    definitions(Scope::Topic)
        .iter()
        .map(|definition| inheriting(definition, topic, Source::DynamicTopic, broker))
        .collect()
}

/// Every config of a group, by name.
pub fn describe_group(group: &dyn Overrides, broker: &BrokerLayers<'_>) -> Vec<Described> {
    definitions(Scope::Group)
        .iter()
        .map(|definition| inheriting(definition, group, Source::Group, broker))
        .collect()
}

/// Every config of a broker, by name, and behind them those of single listeners.
pub fn describe_broker(broker: &BrokerLayers<'_>) -> Vec<Described> {
    let of_listeners = broker.fixed.of_listeners();
    let of_listeners = of_listeners.into_iter().filter_map(|(name, value)| of_listener(name, value, broker));
    of_broker(broker).chain(of_listeners).collect()
}

fn of_broker(broker: &BrokerLayers<'_>) -> impl Iterator<Item = Described> {
    definitions(Scope::Broker)
        .iter()
        .map(|definition| (definition, set_value(&[Synonym::same(definition.name)], broker)))
        .filter(|(definition, value)| value.is_some() || !definition.shown_if_set)
        .map(|(definition, value)| {
            let synonyms = broker_synonyms(definition.name, &siblings(definition), broker);
            described(definition, value.or_else(|| definition.default.map(str::to_owned)), synonyms)
        })
}

/// A listener's own value, which the broker's stands in for (`DynamicBrokerConfig.brokerConfigSynonyms`). It is set at start.
fn of_listener(name: &str, value: &str, broker: &BrokerLayers<'_>) -> Option<Described> {
    let (_, own_name) = name.strip_prefix(LISTENER_PREFIX)?.split_once('.')?;
    let definition = lookup(Scope::Broker, own_name)?;
    let mut synonyms = broker_synonyms(definition.name, &siblings(definition), broker);
    let (name, value): (Cow<'static, str>, _) = (name.to_owned().into(), Some(value.to_owned()));
    synonyms.insert(
        0,
        DescribedSynonym { name: name.clone(), value: value.clone(), source: Source::StaticBroker },
    );
    Some(Described { name, read_only: true, ..described(definition, value, synonyms) })
}

/// Values set for all brokers while running; one that is not set is not shown.
pub fn describe_cluster(cluster: &dyn Overrides) -> Vec<Described> {
    let layers = BrokerLayers { cluster, ..BrokerLayers::DEFAULTS };
    definitions(Scope::Broker)
        .iter()
        .filter_map(|definition| {
            let value = cluster.value(definition.name)?;
            let mut synonyms = broker_synonyms(definition.name, &siblings(definition), &layers);
            synonyms.retain(|synonym| synonym.source == Source::DynamicDefaultBroker);
            Some(described(definition, Some(value.to_owned()), synonyms))
        })
        .collect()
}

fn inheriting(
    definition: &'static Definition,
    own: &dyn Overrides,
    own_source: Source,
    broker: &BrokerLayers<'_>,
) -> Described {
    let mut synonyms = match definition.synonyms.first() {
        Some(primary) => broker_synonyms(primary.name, definition.synonyms, broker),
        None => group_default(definition, own_source),
    };
    let own = own.value(definition.name);
    if let Some(value) = own {
        let value = Some(value.to_owned());
        synonyms.insert(0, DescribedSynonym { name: definition.name.into(), value, source: own_source });
    }
    let value = own.map(str::to_owned).or_else(|| set_value(definition.synonyms, broker));
    let default = || definition.default.or_else(|| TableDefaults.value(definition.synonyms.first()?.name));
    described(definition, value.or_else(|| default().map(str::to_owned)), synonyms)
}

/// A group config that no broker config stands in for shows its own default; a topic config does not.
fn group_default(definition: &'static Definition, own_source: Source) -> Vec<DescribedSynonym> {
    match (own_source, definition.default) {
        (Source::Group, Some(default)) => vec![DescribedSynonym {
            name: definition.name.into(),
            value: Some(default.to_owned()),
            source: Source::Default,
        }],
        _ => Vec::new(),
    }
}

fn described(
    definition: &'static Definition,
    value: Option<String>,
    mut synonyms: Vec<DescribedSynonym>,
) -> Described {
    let sensitive = definition.sensitive();
    if sensitive {
        synonyms.iter_mut().for_each(|synonym| synonym.value = None);
    }
    Described {
        name: definition.name.into(),
        value: value.filter(|_| !sensitive),
        source: synonyms.first().map_or(Source::Default, |synonym| synonym.source),
        read_only: definition.update == Update::ReadOnly,
        sensitive,
        synonyms,
        kind: definition.kind,
        documentation: definition.doc,
    }
}

/// The synonyms of a broker config are those of the topic configs that it stands in for: `log.retention.hours` is a
/// synonym of `log.retention.ms`. A config that shares none has only itself.
fn siblings(definition: &'static Definition) -> Vec<Synonym> {
    let family = definitions(Scope::Topic).iter().map(|topic| topic.synonyms).find(|synonyms| {
        synonyms.len() > 1 && synonyms.iter().any(|synonym| synonym.name == definition.name)
    });
    match family {
        // The scheduler's interval stands in for the flush interval, not the other way round.
        Some(synonyms) if definition.name != "log.flush.scheduler.interval.ms" => synonyms.to_vec(),
        _ => vec![Synonym::same(definition.name)],
    }
}

fn broker_synonyms(primary: &str, synonyms: &[Synonym], broker: &BrokerLayers<'_>) -> Vec<DescribedSynonym> {
    let layers: [(&dyn Overrides, Source); 4] = [
        (broker.broker, Source::DynamicBroker),
        (broker.cluster, Source::DynamicDefaultBroker),
        (broker.fixed, Source::StaticBroker),
        (&TableDefaults, Source::Default),
    ];
    let mut shown = Vec::new();
    for (layer, source) in layers {
        for synonym in synonyms {
            if let Some(value) = layer.value(synonym.name) {
                let (name, value) = (synonym.name.into(), Some(value.to_owned()));
                shown.push(DescribedSynonym { name, value, source });
            }
        }
    }
    let own = shown.iter().position(|synonym| synonym.name == primary).unwrap_or(shown.len());
    shown.split_off(own)
}

/// The value of the first synonym that a layer sets, strongest layer first, in the unit of what it stands in for.
fn set_value(synonyms: &[Synonym], broker: &BrokerLayers<'_>) -> Option<String> {
    [broker.broker, broker.cluster, broker.fixed].iter().find_map(|layer| {
        synonyms.iter().find_map(|synonym| layer.value(synonym.name).map(|value| synonym.convert(value)))
    })
}

/// The defaults of the broker's table as the weakest layer.
struct TableDefaults;

impl Overrides for TableDefaults {
    fn value(&self, name: &str) -> Option<&str> {
        lookup(Scope::Broker, name).and_then(|definition| definition.default)
    }
}
