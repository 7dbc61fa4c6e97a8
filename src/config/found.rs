//! Values that were found, and the types that they are read into.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use super::addresses::{HostPort, Networks, Peers};
use super::entries::{self, Entries};
use super::syntax;
use super::words::Protocol;
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

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(_) | Value::Flag(_) => None,
        }
    }

    /// As Kafka prints it.
    pub(super) fn printed(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
        }
    }
}

/// All values, by the names of their variables.
#[derive(Default)]
pub(super) struct Found(pub(super) BTreeMap<&'static str, Value>);

impl Found {
    /// A typed value. `None` if it is missing and the type has no place for that: then the reason was noted.
    pub(super) fn get<T: Field>(&self, name: &str) -> Option<T> {
        T::of(self.0.get(name))
    }
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
    Entries<(String, u16)>: value => entries::endpoints(value.text()?).ok();
    Entries<Protocol>: value => entries::entries(value.text()?, entries::protocol).ok();
    Entries<Vec<Mechanism>>: value => entries::entries(value.text()?, entries::mechanisms).ok();
    Entries<ClientAuth>: value => entries::entries(value.text()?, entries::client_auth).ok();
    Entries<usize>: value => entries::entries(value.text()?, entries::count).ok();
    Vec<Mechanism>: value => entries::mechanisms(value.text()?).ok();
    ClientAuth: value => entries::client_auth(value.text()?).ok();
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
