//! Changing configs: what is refused, and what APPEND and SUBTRACT do to a list.

use super::definition::{Definition, Scope, Status, Type, Update};
use super::effective::{Bounds, GroupSettings};
use super::invalid::InvalidConfig;
use super::layers::{BrokerLayers, Overrides};
use super::tables::lookup;
use super::value::Value;

const SESSION_TIMEOUT: &str = "consumer.session.timeout.ms";
const HEARTBEAT_INTERVAL: &str = "consumer.heartbeat.interval.ms";

/// The target of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Topic,
    /// One broker.
    Broker,
    /// The default of all brokers.
    Cluster,
    Group,
}

impl Target {
    pub const fn scope(self) -> Scope {
        match self {
            Target::Topic => Scope::Topic,
            Target::Broker | Target::Cluster => Scope::Broker,
            Target::Group => Scope::Group,
        }
    }
}

impl Definition {
    /// Parses and checks a value as Kafka would, without asking whether this broker obeys it.
    pub fn check(&self, raw: &str) -> Result<Value, InvalidConfig> {
        let value = Value::parse(self.name, self.kind, raw)?;
        self.validator.check(self.name, raw, &value)?;
        Ok(value)
    }

    /// The parsed default, unless it is Kafka's null.
    pub fn default_value(&self) -> Option<Value> {
        self.default.and_then(|raw| self.check(raw).ok())
    }

    fn check_support(&self, raw: &str, value: &Value) -> Result<(), InvalidConfig> {
        match self.status {
            Status::Works | Status::NoMeaningHere(_) => Ok(()),
            Status::NotYet(_) if self.default_value().as_ref() == Some(value) => Ok(()),
            Status::NotYet(reason) => Err(InvalidConfig::value(self.name, raw.trim(), reason)),
        }
    }

    /// True if it can change while the broker runs, as far as that does not depend on whose value it is.
    fn check_dynamic(&self, target: Target) -> Result<(), InvalidConfig> {
        let refuse = |what: &str| Err(InvalidConfig::new(self.name, format!("{what}: [{}]", self.name)));
        match (target, self.update) {
            (Target::Topic | Target::Group, _) => Ok(()),
            (_, Update::ReadOnly) => refuse("Cannot update these configs dynamically"),
            (_, Update::PerListener) => refuse(
                "These security configs can be dynamically updated only per-listener using the listener \
                 prefix",
            ),
            (_, Update::PerBroker | Update::ClusterWide) => Ok(()),
        }
    }

    fn check_level(&self, target: Target) -> Result<(), InvalidConfig> {
        match (target, self.update) {
            (Target::Cluster, Update::PerBroker) => Err(InvalidConfig::new(
                self.name,
                format!(
                    "Cannot update these configs at default cluster level, broker id must be specified: [{}]",
                    self.name
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// Checks one value that somebody wants to set, in the order of Kafka's `DynamicBrokerConfig.validateConfigs`.
pub fn validate(target: Target, name: &str, raw: &str) -> Result<Value, InvalidConfig> {
    let definition = find(target, name)?;
    definition.check_dynamic(target)?;
    let value = definition.check(raw)?;
    definition.check_level(target)?;
    definition.check_support(raw, &value)?;
    Ok(value)
}

/// Checks everything that a topic is going to have set: each value, and what must agree between them. Values that
/// are not set are Kafka's defaults here (`LogConfig.validateValues`).
pub fn validate_topic<'a>(
    overrides: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
) -> Result<(), InvalidConfig> {
    let set: std::collections::BTreeMap<String, String> =
        overrides.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for (name, value) in &set {
        validate(Target::Topic, name, value)?;
    }
    let lag = |name| {
        let definition = lookup(Scope::Topic, name)?;
        set.value(name).and_then(|raw| definition.check(raw).ok()).or(definition.default_value())?.as_long()
    };
    match (lag("min.compaction.lag.ms"), lag("max.compaction.lag.ms")) {
        (Some(min), Some(max)) if min > max => Err(InvalidConfig::new(
            "min.compaction.lag.ms",
            format!(
                "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
            ),
        )),
        _ => Ok(()),
    }
}

/// Checks what must agree between the configs that a group is going to have, and with the broker's bounds for them
/// (`GroupConfig.validate`). Single values were checked by [`validate`]; one that does not parse is passed over.
pub fn validate_group(group: &dyn Overrides, broker: &BrokerLayers<'_>) -> Result<(), InvalidConfig> {
    let own = |name: &str| {
        let definition = lookup(Scope::Group, name)?;
        definition.check(group.value(name)?).ok()?.as_long()
    };
    let names = [HEARTBEAT_INTERVAL, SESSION_TIMEOUT, "consumer.assignment.interval.ms"];
    for name in names {
        if let (Some(value), Some(Bounds { least, most })) = (own(name), Bounds::of(name, broker))
            && !(least..=most).contains(&value)
        {
            let message = format!("{name} must be in the range {least} to {most} inclusive.");
            return Err(InvalidConfig::new(name, message));
        }
    }
    let inherited = GroupSettings::effective(&(), broker);
    let session = own(SESSION_TIMEOUT);
    let heartbeat = own(HEARTBEAT_INTERVAL);
    let counts = |own: Option<i64>, inherited: i32| own.unwrap_or(i64::from(inherited));
    let touched = session.is_some() || heartbeat.is_some();
    if touched
        && counts(session, inherited.session_timeout_ms) <= counts(heartbeat, inherited.heartbeat_interval_ms)
    {
        let message = format!("{SESSION_TIMEOUT} must be greater than {HEARTBEAT_INTERVAL}");
        return Err(InvalidConfig::new(SESSION_TIMEOUT, message));
    }
    Ok(())
}

/// The list `current` with the items of `operand` that it lacks at its end. `current` is the value set so far, if any;
/// without one the config's default is what is appended to (`ConfigurationControlManager.incrementalAlterConfig`).
pub fn append(
    target: Target,
    name: &str,
    current: Option<&str>,
    operand: &str,
) -> Result<String, InvalidConfig> {
    let mut items = items(target, "APPEND", name, current)?;
    for item in operand.split(',') {
        if !items.iter().any(|one| one == item) {
            items.push(item.to_owned());
        }
    }
    Ok(items.join(","))
}

/// The list `current` without the items of `operand`; see [`append`].
pub fn subtract(
    target: Target,
    name: &str,
    current: Option<&str>,
    operand: &str,
) -> Result<String, InvalidConfig> {
    let mut items = items(target, "SUBTRACT", name, current)?;
    items.retain(|one| !operand.split(',').any(|item| item == one));
    Ok(items.join(","))
}

fn items(
    target: Target,
    operation: &str,
    name: &str,
    current: Option<&str>,
) -> Result<Vec<String>, InvalidConfig> {
    let definition = find(target, name)?;
    if definition.kind != Type::List {
        let message = format!("Can't {operation} to key {name} because its type is not LIST.");
        return Err(InvalidConfig::new(name, message));
    }
    let value = current.or(definition.default).unwrap_or_default();
    Ok(value.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

fn find(target: Target, name: &str) -> Result<&'static Definition, InvalidConfig> {
    let scope = target.scope();
    lookup(scope, name).ok_or_else(|| {
        let kind = match scope {
            Scope::Topic => "topic",
            Scope::Broker => "broker",
            Scope::Group => "group",
        };
        InvalidConfig::new(name, format!("Unknown {kind} config name: {name}"))
    })
}
