//! Parts of a row of the table of process settings.

use std::borrow::Cow;

use super::StoreKind;
use crate::settings::{self, Scope};

/// One process setting.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The environment variable.
    pub name: &'static str,
    /// Other environment variables of the same meaning.
    pub aliases: &'static [&'static str],
    pub section: Section,
    /// The kind of store that it belongs to: with another one, only its kind is checked.
    pub(super) store: Option<StoreKind>,
    pub(super) fallback: Fallback,
    shape: Option<&'static str>,
    pub help: &'static str,
    /// Its value is never printed.
    pub secret: bool,
    pub(super) kind: Kind,
    /// Kafka's broker config that it sets, which DescribeConfigs shows.
    pub(super) config: Option<&'static str>,
    pub(super) rules: &'static [Rule],
    /// The field of the typed settings that has it.
    pub(super) field: Option<&'static str>,
}

/// The forms of values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// The error says what is wrong with it, for behind the variable's name.
    Text(fn(&str) -> Result<(), &'static str>),
    /// The text that stands for it from then on.
    Parsed(fn(&str) -> Result<String, String>),
    Flag,
    /// Both ends are allowed.
    Number(i64, i64),
    /// A number that may have a unit.
    Bytes(i64, i64),
    /// One of these, whatever its case.
    OneOf(&'static [&'static str]),
}

/// The default, which is read like a value that somebody set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fallback {
    Unset,
    Text(&'static str),
    /// The default of the broker config that it sets.
    OfConfig,
    /// One for a local store, and one for all others. The help says them in words, as the next one.
    ByStore(&'static str, &'static str),
    /// A host by which others reach this one.
    Reachable,
}

/// A condition beside the form of the value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// A number beside another one.
    Order(Relation),
    /// Kafka has no retention of nothing.
    NotZero,
    /// Protection that is not there: a switch that must stay off.
    NotYet(&'static str),
    /// Refused unless this switch is set too: accepting it would leave a door open that looks closed.
    Behind(&'static str),
    /// A store of its kind is not without it.
    Needed,
    /// There is one if there is the other.
    With(&'static str),
    /// It says something about the other, which is to be there.
    Beside(&'static str),
    /// A file that holds the value of this variable.
    FileOf(&'static str),
    /// Brokers of one cluster are to have the same: after a takeover the new owner's counts.
    Agreed,
    /// Accepted without effect, for the reason given.
    Idle(&'static str),
}

/// The order in which a number must stand to that of another variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relation {
    pub(super) order: Order,
    pub(super) other: &'static str,
    /// The message if it does not; without it, the names of both.
    pub(super) message: Option<&'static str>,
    /// The variable itself is to blame, even if only the other one was set.
    pub(super) blames_itself: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    AtLeast,
    AtMost,
    Below,
}

impl Order {
    pub(super) const fn to(self, other: &'static str) -> Rule {
        Rule::Order(Relation { order: self, other, message: None, blames_itself: false })
    }

    pub(super) const fn says(self, other: &'static str, message: &'static str) -> Rule {
        Rule::Order(Relation { order: self, other, message: Some(message), blames_itself: false })
    }

    pub(super) const fn blames(self, other: &'static str, message: &'static str) -> Rule {
        Rule::Order(Relation { order: self, other, message: Some(message), blames_itself: true })
    }

    pub(super) fn holds(self, own: i64, other: i64) -> bool {
        match self {
            Order::AtLeast => own >= other,
            Order::AtMost => own <= other,
            Order::Below => own < other,
        }
    }
}

/// The help's headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Core,
    Storage,
    Log,
    Cluster,
    Topics,
    Groups,
    Network,
    Security,
    Operation,
}

impl Section {
    pub const fn title(self) -> &'static str {
        match self {
            Section::Core => "Core",
            Section::Storage => "Object store",
            Section::Log => "Log",
            Section::Cluster => "Cluster",
            Section::Topics => "Topics",
            Section::Groups => "Consumer groups",
            Section::Network => "Network limits",
            Section::Security => "Security",
            Section::Operation => "Operation",
        }
    }
}

impl Variable {
    /// The flag, without its dashes: `BROKER_ID` is `broker-id`.
    pub fn flag(&self) -> String {
        let name = self.name.strip_prefix("KAFKAESQUE_").unwrap_or(self.name);
        name.to_ascii_lowercase().replace('_', "-")
    }

    /// True if the flag alone means `true`.
    pub fn is_switch(&self) -> bool {
        matches!(self.kind, Kind::Flag)
    }

    /// The variable's name, then its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The form of a value, for the help.
    pub fn shape(&self) -> Cow<'static, str> {
        let of_kind = match self.kind {
            Kind::Text(_) | Kind::Parsed(_) => "TEXT",
            Kind::Flag => "true|false",
            Kind::Number(..) => "N",
            Kind::Bytes(..) => "BYTES",
            Kind::OneOf(words) => return words.join("|").into(),
        };
        self.shape.unwrap_or(of_kind).into()
    }

    /// Used if nobody sets it, whatever else is set.
    pub fn default(&self) -> Option<Cow<'static, str>> {
        match self.fallback {
            Fallback::Unset | Fallback::ByStore(..) | Fallback::Reachable => None,
            Fallback::Text(text) => Some(text.into()),
            Fallback::OfConfig => {
                let default = self.default_of_config()?;
                Some(if matches!(self.kind, Kind::Bytes(..)) { in_mib(default) } else { default.into() })
            }
        }
    }

    pub(super) fn default_of_config(&self) -> Option<&'static str> {
        settings::lookup(Scope::Broker, self.config?)?.default
    }

    const fn new(kind: Kind, shape: Option<&'static str>) -> Variable {
        Variable {
            name: "",
            aliases: &[],
            section: Section::Core,
            store: None,
            fallback: Fallback::Unset,
            shape,
            help: "",
            secret: false,
            kind,
            config: None,
            rules: &[],
            field: None,
        }
    }

    pub(super) const fn named(
        mut self,
        name: &'static str,
        (section, store): (Section, Option<StoreKind>),
        help: &'static str,
    ) -> Variable {
        (self.name, self.section, self.store, self.help) = (name, section, store, help);
        self
    }

    pub(super) const fn field(mut self, name: &'static str) -> Variable {
        self.field = Some(name);
        self
    }

    pub(super) const fn or(mut self, default: &'static str) -> Variable {
        self.fallback = Fallback::Text(default);
        self
    }

    pub(super) const fn by_store(mut self, local: &'static str, remote: &'static str) -> Variable {
        self.fallback = Fallback::ByStore(local, remote);
        self
    }

    pub(super) const fn or_reachable(mut self) -> Variable {
        self.fallback = Fallback::Reachable;
        self
    }

    /// Sets this broker config, and has its default.
    pub(super) const fn is(mut self, config: &'static str) -> Variable {
        (self.config, self.fallback) = (Some(config), Fallback::OfConfig);
        self
    }

    /// Sets this broker config if somebody sets it.
    pub(super) const fn sets(mut self, config: &'static str) -> Variable {
        self.config = Some(config);
        self
    }

    pub(super) const fn also(mut self, aliases: &'static [&'static str]) -> Variable {
        self.aliases = aliases;
        self
    }

    pub(super) const fn shaped(mut self, shape: &'static str) -> Variable {
        self.shape = Some(shape);
        self
    }

    pub(super) const fn hidden(mut self) -> Variable {
        self.secret = true;
        self
    }

    pub(super) const fn rules(mut self, rules: &'static [Rule]) -> Variable {
        self.rules = rules;
        self
    }
}

/// Any text of this shape, on one line.
pub(super) const fn text(shape: &'static str) -> Variable {
    formed(shape, |_| Ok(()))
}

/// Any text that is not to be seen.
pub(super) const fn secret(shape: &'static str) -> Variable {
    text(shape).hidden()
}

/// A text of this shape and form.
pub(super) const fn formed(shape: &'static str, form: fn(&str) -> Result<(), &'static str>) -> Variable {
    Variable::new(Kind::Text(form), Some(shape))
}

/// A text of this shape that is made of parts, or has several spellings.
pub(super) const fn parsed(shape: &'static str, parse: fn(&str) -> Result<String, String>) -> Variable {
    Variable::new(Kind::Parsed(parse), Some(shape))
}

pub(super) const fn flag() -> Variable {
    Variable::new(Kind::Flag, None)
}

pub(super) const fn number(least: i64, most: i64) -> Variable {
    Variable::new(Kind::Number(least, most), None)
}

pub(super) const fn millis(least: i64, most: i64) -> Variable {
    Variable::new(Kind::Number(least, most), Some("MS"))
}

pub(super) const fn bytes(least: i64, most: i64) -> Variable {
    Variable::new(Kind::Bytes(least, most), None)
}

pub(super) const fn one_of(words: &'static [&'static str]) -> Variable {
    Variable::new(Kind::OneOf(words), None)
}

/// A number of bytes as people write it.
fn in_mib(bytes: &'static str) -> Cow<'static, str> {
    match bytes.parse::<u64>() {
        Ok(number) if number > 0 && number.is_multiple_of(1 << 20) => format!("{}MiB", number >> 20).into(),
        _ => bytes.into(),
    }
}
