//! The settings that a topic or a group obeys, typed.

use std::time::Duration;

use super::definition::{Definition, Scope};
use super::layers::{BrokerLayers, Overrides};
use super::tables::lookup;
use super::value::Value;

/// Whose time a record carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's, at arrival.
    LogAppendTime,
}

/// Which timestamps a topic takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampPolicy {
    pub kind: TimestampType,
    /// The time that a record may lie behind the broker's clock. Obeyed with `CreateTime` only.
    pub before_max_ms: i64,
    /// The time that a record may lie ahead of the broker's clock. Obeyed with `CreateTime` only.
    pub after_max_ms: i64,
}

/// The codec of stored batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As the producer sent them.
    Producer,
    Uncompressed,
    /// 1 to 9; `None` is the codec's own default.
    Gzip(Option<u32>),
    Snappy,
    /// 1 to 17.
    Lz4(u32),
    /// -131072 to 22.
    Zstd(i32),
}

/// Limits of what is kept, if `CleanupPolicy::delete`. `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// By a record's timestamp.
    pub ms: Option<u64>,
    /// Per partition.
    pub bytes: Option<u64>,
}

impl Retention {
    pub const UNLIMITED: Retention = Retention { ms: None, bytes: None };
}

/// The fate of old records. Both false keeps everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    pub delete: bool,
    pub compact: bool,
}

/// Settings that the log obeys for one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// Largest batch as sent, header included.
    pub max_message_bytes: u32,
    /// Largest single record once decompressed, wherever the broker has to decompress.
    pub max_decompressed_message_bytes: u32,
    pub timestamps: TimestampPolicy,
    pub compression: Compression,
    pub retention: Retention,
    pub cleanup: CleanupPolicy,
}

impl TopicSettings {
    /// A topic of which nothing was ever set, on a broker of which nothing was ever set.
    pub fn defaults() -> TopicSettings {
        TopicSettings::effective(&(), &BrokerLayers::DEFAULTS)
    }

    /// The topic's own values over the broker's layers over the table's defaults.
    pub fn effective(topic: &dyn Overrides, broker: &BrokerLayers<'_>) -> TopicSettings {
        let values = Effective { scope: Scope::Topic, own: topic, broker };
        TopicSettings {
            max_message_bytes: saturate(values.long("max.message.bytes")),
            max_decompressed_message_bytes: saturate(values.long("max.decompressed.message.bytes")),
            timestamps: TimestampPolicy {
                kind: match values.text("message.timestamp.type").as_str() {
                    "LogAppendTime" => TimestampType::LogAppendTime,
                    _ => TimestampType::CreateTime,
                },
                before_max_ms: values.long("message.timestamp.before.max.ms"),
                after_max_ms: values.long("message.timestamp.after.max.ms"),
            },
            compression: values.compression(),
            retention: Retention {
                // Any negative number is no limit, as Kafka's log takes it.
                ms: u64::try_from(values.long("retention.ms")).ok(),
                bytes: u64::try_from(values.long("retention.bytes")).ok(),
            },
            cleanup: values.cleanup(),
        }
    }
}

/// Which groups may change their protocol while they have members (`ConsumerGroupMigrationPolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationPolicy {
    Bidirectional,
    Upgrade,
    Downgrade,
    Disabled,
}

impl MigrationPolicy {
    pub const ALL: [MigrationPolicy; 4] = [
        MigrationPolicy::Bidirectional,
        MigrationPolicy::Upgrade,
        MigrationPolicy::Downgrade,
        MigrationPolicy::Disabled,
    ];

    /// The names of all.
    pub const NAMES: &'static [&'static str] = &[
        MigrationPolicy::ALL[0].name(),
        MigrationPolicy::ALL[1].name(),
        MigrationPolicy::ALL[2].name(),
        MigrationPolicy::ALL[3].name(),
    ];

    /// As Kafka prints it.
    pub const fn name(self) -> &'static str {
        match self {
            MigrationPolicy::Bidirectional => "bidirectional",
            MigrationPolicy::Upgrade => "upgrade",
            MigrationPolicy::Downgrade => "downgrade",
            MigrationPolicy::Disabled => "disabled",
        }
    }

    pub fn may_upgrade(self) -> bool {
        matches!(self, MigrationPolicy::Bidirectional | MigrationPolicy::Upgrade)
    }

    pub fn may_downgrade(self) -> bool {
        matches!(self, MigrationPolicy::Bidirectional | MigrationPolicy::Downgrade)
    }
}

/// Settings that the coordinator obeys for one group of the consumer protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// Silence after which a member is removed.
    pub session_timeout_ms: i32,
    /// The time between two heartbeats that members are told.
    pub heartbeat_interval_ms: i32,
    /// Least time between two assignments.
    pub assignment_interval_ms: i32,
}

impl GroupSettings {
    /// The group's own values over the broker's layers over the table's defaults. A value that the bounds of today no
    /// longer allow counts as the nearest one that they do (`GroupConfig.evaluate`).
    pub fn effective(group: &dyn Overrides, broker: &BrokerLayers<'_>) -> GroupSettings {
        let values = Effective { scope: Scope::Group, own: group, broker };
        let bounded = |name: &str| {
            let value = values.long(name);
            let bounds = Bounds::of(name, broker);
            let within = bounds.map_or(value, |Bounds { least, most }| value.min(most).max(least));
            i32::try_from(within).unwrap_or(i32::MAX)
        };
        GroupSettings {
            session_timeout_ms: bounded("consumer.session.timeout.ms"),
            heartbeat_interval_ms: bounded("consumer.heartbeat.interval.ms"),
            assignment_interval_ms: bounded("consumer.assignment.interval.ms"),
        }
    }
}

/// Settings that a broker obeys and that can change while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerSettings {
    /// Most connections open at one time (`max.connections`).
    pub max_connections: usize,
    /// A producer that was silent for so long is forgotten (`producer.id.expiration.ms`).
    pub producer_expiration: Duration,
}

impl BrokerSettings {
    pub fn effective(broker: &BrokerLayers<'_>) -> BrokerSettings {
        let at_least_one = |name: &str| u64::try_from(broker.number(name).unwrap_or(1)).unwrap_or(1).max(1);
        BrokerSettings {
            max_connections: usize::try_from(at_least_one("max.connections")).unwrap_or(usize::MAX),
            producer_expiration: Duration::from_millis(at_least_one("producer.id.expiration.ms")),
        }
    }
}

/// Bounds of what a group may be given. Both ends are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) least: i64,
    pub(super) most: i64,
}

impl Bounds {
    /// The bounds of `consumer.session.timeout.ms` are `group.consumer.min.session.timeout.ms` and
    /// `group.consumer.max.session.timeout.ms`, and so on. `None` if it has none.
    pub(super) fn of(name: &str, broker: &BrokerLayers<'_>) -> Option<Bounds> {
        let rest = name.strip_prefix("consumer.")?;
        let values = Effective { scope: Scope::Broker, own: broker.fixed, broker };
        let bound = |end: &str| values.value(&format!("group.consumer.{end}.{rest}"))?.as_long();
        Some(Bounds { least: bound("min")?, most: bound("max")? })
    }
}

fn saturate(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

struct Effective<'a> {
    scope: Scope,
    own: &'a dyn Overrides,
    broker: &'a BrokerLayers<'a>,
}

impl Effective<'_> {
    /// Every stored value was validated on its way in. Should one not parse (a range that a later version narrowed),
    /// the next layer counts, as if it had never been set.
    fn value(&self, name: &str) -> Option<Value> {
        let definition = lookup(self.scope, name)?;
        let own = self.own.value(name).and_then(|raw| definition.check(raw).ok());
        own.or_else(|| self.inherited(definition)).or_else(|| definition.default_value())
    }

    fn inherited(&self, definition: &Definition) -> Option<Value> {
        let layers = [self.broker.broker, self.broker.cluster, self.broker.fixed];
        layers.iter().find_map(|layer| {
            definition.synonyms.iter().find_map(|synonym| {
                layer.value(synonym.name).and_then(|raw| definition.check(&synonym.convert(raw)).ok())
            })
        })
    }

    fn long(&self, name: &str) -> i64 {
        self.value(name).and_then(|value| value.as_long()).unwrap_or_default()
    }

    fn text(&self, name: &str) -> String {
        self.value(name).and_then(|value| value.as_text().map(str::to_owned)).unwrap_or_default()
    }

    fn compression(&self) -> Compression {
        match self.text("compression.type").as_str() {
            "uncompressed" => Compression::Uncompressed,
            "gzip" => Compression::Gzip(u32::try_from(self.long("compression.gzip.level")).ok()),
            "snappy" => Compression::Snappy,
            "lz4" => Compression::Lz4(saturate(self.long("compression.lz4.level"))),
            "zstd" => Compression::Zstd(i32::try_from(self.long("compression.zstd.level")).unwrap_or(3)),
            _ => Compression::Producer,
        }
    }

    fn cleanup(&self) -> CleanupPolicy {
        let policies = self.value("cleanup.policy");
        let policies = policies.as_ref().and_then(Value::as_list).unwrap_or_default();
        let has = |policy: &str| policies.iter().any(|one| one == policy);
        CleanupPolicy { delete: has("delete"), compact: has("compact") }
    }
}
