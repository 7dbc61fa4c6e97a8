//! Given values, read by the table: each value by its form, then what must hold between them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use super::given::{Given, Problem};
use super::listeners::Entries;
use super::table::{VARIABLES, variable_named};
use super::variable::{Fallback, Kind, Order, Relation, Rule, Variable};
use super::words::{Protocol, StoreKind};
use super::{HostPort, Networks, Peers, listeners, syntax};
use crate::auth::Mechanism;
use crate::auth::mapping::Mapping;
use crate::runtime::Secret;
use crate::store::faults;
use crate::tls::{ClientAuth, Version};
use crate::types::BrokerId;

/// One value, of the right form.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Number(i64),
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Flag(_) | Value::Number(_) => None,
        }
    }

    fn number(&self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(_) | Value::Flag(_) => None,
        }
    }

    /// As Kafka prints it.
    fn printed(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
        }
    }
}

/// All values, and what is wrong with them. A wrong one is noted, and then missing.
pub(super) struct Values<'a> {
    given: &'a Given,
    found: BTreeMap<&'static str, Value>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Values<'a> {
    pub(super) fn read(given: &'a Given) -> Values<'a> {
        let mut values = Values { given, found: BTreeMap::new(), problems: given.problems().to_vec() };
        for variable in VARIABLES {
            match values.value(variable) {
                Ok(Some(value)) => {
                    values.found.insert(variable.name, value);
                }
                Ok(None) => {}
                Err(message) => values.refuse(variable.name, &message),
            }
        }
        for variable in VARIABLES {
            if values.counts(variable) {
                variable.rules.iter().for_each(|rule| values.obey(variable, rule));
            }
        }
        values
    }

    /// A typed value. `None` if it is missing and the type has no place for that: then the reason was noted.
    pub(super) fn get<T: Field>(&self, name: &str) -> Option<T> {
        T::of(self.found.get(name))
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.found.get(name).and_then(Value::number)
    }

    fn refuse(&mut self, name: &str, message: &str) {
        self.problems.push(Problem::new(name, message));
    }

    /// Values of the broker configs that somebody sets here.
    pub(super) fn configs(&self) -> BTreeMap<String, String> {
        let given = VARIABLES.iter().filter(|variable| self.given.is_set(variable.name));
        let set = |variable: &Variable| {
            Some((variable.config?.to_owned(), self.found.get(variable.name)?.printed()))
        };
        given.filter_map(set).collect()
    }

    /// True if it belongs to the chosen store, or to none.
    fn counts(&self, variable: &Variable) -> bool {
        variable.store.is_none_or(|store| self.get("OBJECT_STORE_TYPE") == Some(store))
    }

    fn value(&self, variable: &Variable) -> Result<Option<Value>, String> {
        let Some(text) = self.given.text(variable.name) else {
            return self.fallback(variable).map_or(Ok(None), |text| parse(variable, &text, false).map(Some));
        };
        let text = text.trim();
        if text.contains(char::is_control) {
            return Err("its value has a line break or another control character in it".to_owned());
        }
        parse(variable, text, self.counts(variable)).map(Some)
    }

    fn fallback(&self, variable: &Variable) -> Option<String> {
        match variable.fallback {
            Fallback::ByStore(local, remote) => {
                let is_remote =
                    self.get("OBJECT_STORE_TYPE").is_some_and(|kind: StoreKind| kind != StoreKind::Local);
                Some(if is_remote { remote } else { local }.to_owned())
            }
            Fallback::Reachable => {
                let host: String = self.get("HOST")?;
                Some(if is_wildcard(&host) { host_name() } else { host })
            }
            Fallback::Unset | Fallback::Text(_) | Fallback::OfConfig => {
                variable.default().map(|text| text.into_owned())
            }
        }
    }

    fn obey(&mut self, variable: &'static Variable, rule: &'static Rule) {
        let name = variable.name;
        let is_there = |name: &str| self.found.contains_key(name);
        let refused = match rule {
            Rule::Order(relation) => return self.compare(name, relation),
            Rule::FileOf(secret) => return self.read_file(name, secret),
            Rule::NotZero => {
                (self.number(name) == Some(0)).then(|| "must be unlimited (-1) or at least 1".to_owned())
            }
            Rule::NotYet(what) => (self.get(name) == Some(true)).then(|| {
                format!(
                    "{what} is not supported yet by this version, and starting without it would open a door"
                )
            }),
            Rule::Behind(switch) => (is_there(name) && !self.given.is_set(switch)).then(|| {
                format!(
                    "not supported yet by this version; unset it, or say {switch}=false to run without that \
                     protection"
                )
            }),
            Rule::Needed => {
                let kind: Option<String> = self.get("OBJECT_STORE_TYPE");
                let missing = !self.given.is_set(name);
                missing.then(|| format!("missing; OBJECT_STORE_TYPE={} needs it", kind.unwrap_or_default()))
            }
            Rule::With(other) => {
                (is_there(other) && !is_there(name)).then(|| format!("missing, while {other} is set"))
            }
            Rule::Beside(other) => (is_there(name) && !is_there(other))
                .then(|| format!("set without {other}, which it is about")),
            Rule::Idle(_) => None,
        };
        if let Some(message) = refused {
            self.refuse(name, &message);
        }
    }

    /// Of two variables the one that somebody set is named.
    fn compare(&mut self, name: &str, relation: &Relation) {
        let Relation { order, other, message, blames_itself } = *relation;
        let (Some(own), Some(others)) = (self.number(name), self.number(other)) else { return };
        if order.holds(own, others) {
            return;
        }
        let blame_other = !blames_itself && !self.given.is_set(name) && self.given.is_set(other);
        let relation = if order == Order::AtLeast { "below" } else { "above" };
        let message = message.map_or_else(|| format!("{name} is {relation} {other}"), str::to_owned);
        self.refuse(if blame_other { other } else { name }, &message);
    }

    fn read_file(&mut self, name: &str, secret: &'static str) {
        let Some(file) = self.get::<String>(name) else { return };
        let message = match std::fs::read_to_string(&file) {
            _ if self.given.is_set(secret) => format!("{secret} is set too; only one of them can be"),
            Ok(text) if text.trim().is_empty() => format!("'{file}' is empty"),
            Ok(text) => match parse_content(secret, &text) {
                Ok(value) => {
                    self.found.insert(secret, value);
                    return;
                }
                Err(message) => format!("'{file}' {message}"),
            },
            Err(error) => format!("'{file}' cannot be read: {error}"),
        };
        self.refuse(name, &message);
    }
}

/// The value of a variable as a file holds it: editors end it with a newline.
fn parse_content(name: &str, content: &str) -> Result<Value, String> {
    let text = content.strip_suffix('\n').unwrap_or(content);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match variable_named(name) {
        Some(variable) => parse(variable, text, true),
        None => Ok(Value::Text(text.to_owned())),
    }
}

/// `is_formed` asks for the form of a text too.
fn parse(variable: &Variable, text: &str, is_formed: bool) -> Result<Value, String> {
    let not = |wanted: String| match variable.secret {
        true => format!("its value is not {wanted}"),
        false => format!("'{text}' is not {wanted}"),
    };
    let owned = || Value::Text(text.to_owned());
    match variable.kind {
        Kind::Text(form) if is_formed => form(text).map(|()| owned()).map_err(str::to_owned),
        Kind::Parsed(form) if is_formed => form(text).map(Value::Text),
        Kind::Text(_) | Kind::Parsed(_) => Ok(owned()),
        Kind::Flag => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::Flag(true)),
            "false" | "0" | "no" | "off" => Ok(Value::Flag(false)),
            _ => Err(not("true or false".to_owned())),
        },
        Kind::Number(least, most) => {
            let number = text.parse().ok().filter(|number| (least..=most).contains(number));
            number.map(Value::Number).ok_or_else(|| not(format!("a whole number from {least} to {most}")))
        }
        Kind::Bytes(least, most) => {
            let number = syntax::bytes(text).filter(|number| (least..=most).contains(number));
            let wanted =
                || format!("a number of bytes from {least} to {most}, which may end in KiB, MiB or GiB");
            number.map(Value::Number).ok_or_else(|| not(wanted()))
        }
        Kind::OneOf(words) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            word.map(|word| Value::Text((*word).to_owned())).ok_or_else(|| not(words.join(" or ")))
        }
    }
}

/// True if a host stands for all addresses of the machine.
pub(super) fn is_wildcard(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

pub(super) fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().trim().to_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// A type that settings are read into.
pub(super) trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

/// The type of a field: of a value that is there, or of one that may be missing.
pub(super) trait Field: Sized {
    fn of(value: Option<&Value>) -> Option<Self>;
}

impl<T: FromValue> Field for T {
    fn of(value: Option<&Value>) -> Option<T> {
        value.and_then(T::from_value)
    }
}

impl<T: FromValue> Field for Option<T> {
    fn of(value: Option<&Value>) -> Option<Option<T>> {
        Some(value.and_then(T::from_value))
    }
}

macro_rules! from_value {
    ($($type:ty: $value:ident => $read:expr;)*) => { $(
        impl FromValue for $type {
            fn from_value($value: &Value) -> Option<$type> {
                $read
            }
        }
    )* };
}

from_value! {
    bool: value => match value {
        Value::Flag(flag) => Some(*flag),
        Value::Text(_) | Value::Number(_) => None,
    };
    String: value => value.text().map(str::to_owned);
    Secret: value => value.text().map(Secret::new);
    PathBuf: value => value.text().map(PathBuf::from);
    HostPort: value => syntax::host_port(value.text()?);
    Entries<(String, u16)>: value => listeners::endpoints(value.text()?).ok();
    Entries<Protocol>: value => listeners::entries(value.text()?, listeners::protocol).ok();
    Entries<Vec<Mechanism>>: value => listeners::entries(value.text()?, listeners::mechanisms).ok();
    Entries<ClientAuth>: value => listeners::entries(value.text()?, listeners::client_auth).ok();
    Entries<usize>: value => listeners::entries(value.text()?, listeners::count).ok();
    Vec<Mechanism>: value => listeners::mechanisms(value.text()?).ok();
    ClientAuth: value => listeners::client_auth(value.text()?).ok();
    Version: value => match value.text()? {
        "1.2" => Some(Version::Tls12),
        "1.3" => Some(Version::Tls13),
        _ => None,
    };
    Mapping: value => value.text()?.parse().ok();
    Networks: value => syntax::networks(value.text()?).ok();
    Peers: value => syntax::peer_list(value.text()?).ok();
    faults::Setting: value => faults::Setting::from_str(value.text()?).ok();
    i64: value => value.number();
    i32: value => value.number()?.try_into().ok();
    u16: value => value.number()?.try_into().ok();
    u32: value => value.number()?.try_into().ok();
    u64: value => value.number()?.try_into().ok();
    usize: value => value.number()?.try_into().ok();
    NonZeroU16: value => value.number()?.try_into().ok().and_then(NonZeroU16::new);
    Duration: value => value.number()?.try_into().ok().map(Duration::from_millis);
    BrokerId: value => value.number()?.try_into().ok().map(BrokerId);
}
