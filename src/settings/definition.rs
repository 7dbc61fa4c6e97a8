//! The definition of one config.

use super::validator::Validator;

/// Whose config it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Broker,
    Topic,
    Group,
}

/// Kafka's `ConfigDef.Type`. The number is the one that DescribeConfigs uses (`DescribeConfigsResponse.ConfigType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i8)]
pub enum Type {
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

impl Type {
    /// The name as Kafka prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Type::Boolean => "BOOLEAN",
            Type::String => "STRING",
            Type::Int => "INT",
            Type::Short => "SHORT",
            Type::Long => "LONG",
            Type::Double => "DOUBLE",
            Type::List => "LIST",
            Type::Class => "CLASS",
            Type::Password => "PASSWORD",
        }
    }
}

/// Kafka's `ConfigDef.Importance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Importance {
    High,
    Medium,
    Low,
}

/// The reach of a change of a config while the broker runs. Topic and group configs are always `ClusterWide`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Update {
    /// Only a restart with another process setting.
    ReadOnly,
    /// One broker's value, never the default of all.
    PerBroker,
    /// One listener's value alone, under the listener's prefix.
    PerListener,
    /// The default of all brokers, or one broker's value.
    ClusterWide,
}

/// The broker's treatment of a value that Kafka would accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It takes effect.
    Works,
    /// It is stored and shown, and nothing obeys it, for the reason given.
    NoMeaningHere(&'static str),
    /// Any value but the default is refused, for the reason given.
    NotYet(&'static str),
}

/// The way in which a synonym's number becomes the config's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Same,
    Minutes,
    Hours,
}

/// A broker config that stands in for a topic or group config that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synonym {
    pub name: &'static str,
    pub unit: Unit,
}

impl Synonym {
    pub(super) const fn same(name: &'static str) -> Synonym {
        Synonym { name, unit: Unit::Same }
    }

    pub(super) const fn minutes(name: &'static str) -> Synonym {
        Synonym { name, unit: Unit::Minutes }
    }

    pub(super) const fn hours(name: &'static str) -> Synonym {
        Synonym { name, unit: Unit::Hours }
    }

    /// The synonym's `value` in the unit of the config that it stands in for: milliseconds, if the unit differs.
    pub fn convert(&self, value: &str) -> String {
        let factor = match self.unit {
            Unit::Same => return value.to_owned(),
            Unit::Minutes => 60 * 1000,
            Unit::Hours => 60 * 60 * 1000,
        };
        // A negative number means "no limit" whatever the unit.
        match value.trim().parse::<i64>() {
            Ok(number) if number < 0 => number.to_string(),
            Ok(number) => number.saturating_mul(factor).to_string(),
            Err(_) => value.to_owned(),
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    pub name: &'static str,
    pub kind: Type,
    /// As Kafka prints it; `None` is Kafka's null.
    pub default: Option<&'static str>,
    /// One or two sentences; units and special values included.
    pub doc: &'static str,
    pub importance: Importance,
    pub validator: Validator,
    pub update: Update,
    pub status: Status,
    /// Broker configs that stand in for it, strongest first.
    pub synonyms: &'static [Synonym],
    /// Left out of descriptions until somebody sets it.
    pub shown_if_set: bool,
}

/// Rows of the table, sorted by name. Each is a chain of what is said below about a definition, with its doc at the end:
///
/// ```text
/// "name": Type = "default", importance(High), read_only => "doc";
/// ```
macro_rules! definitions {
    ($(
        $name:literal: $kind:ident $(= $default:expr)? $(, $said:ident $(($($of:tt)*))?)* => $doc:expr;
    )*) => {
        &[$(
            $crate::settings::definition::Definition::new(
                $name,
                $crate::settings::definition::Type::$kind,
                $crate::settings::definition::definitions!(@default $($default)?),
                $doc,
            ) $(.$said($($($of)*)?))*,
        )*]
    };
    (@default) => { None };
    (@default $default:expr) => { Some($default) };
}
pub(super) use definitions;

impl Definition {
    pub(super) const fn new(
        name: &'static str,
        kind: Type,
        default: Option<&'static str>,
        doc: &'static str,
    ) -> Definition {
        Definition {
            name,
            kind,
            default,
            doc,
            importance: Importance::Medium,
            validator: Validator::Any,
            update: Update::ClusterWide,
            status: Status::Works,
            synonyms: &[],
            shown_if_set: false,
        }
    }

    pub(super) const fn importance(mut self, importance: Importance) -> Definition {
        self.importance = importance;
        self
    }

    pub(super) const fn valid(mut self, validator: Validator) -> Definition {
        self.validator = validator;
        self
    }

    pub(super) const fn read_only(mut self) -> Definition {
        self.update = Update::ReadOnly;
        self
    }

    /// One broker's value can be changed while it runs.
    pub(super) const fn per_broker(mut self) -> Definition {
        self.update = Update::PerBroker;
        self
    }

    /// Only a listener's value can be changed, while the broker runs.
    pub(super) const fn per_listener(mut self) -> Definition {
        self.update = Update::PerListener;
        self
    }

    pub(super) const fn shown_if_set(mut self) -> Definition {
        self.shown_if_set = true;
        self
    }

    pub(super) const fn status(mut self, status: Status) -> Definition {
        self.status = status;
        self
    }

    pub(super) const fn synonyms(mut self, synonyms: &'static [Synonym]) -> Definition {
        self.synonyms = synonyms;
        self
    }

    /// True if its value is never shown to anybody.
    pub fn sensitive(&self) -> bool {
        self.kind == Type::Password
    }
}
