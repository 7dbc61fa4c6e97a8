//! Parsing by type, as Kafka's `ConfigDef.parseType` does it.

use super::definition::Type;
use super::invalid::InvalidConfig;

/// A parsed config value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Boolean(bool),
    Short(i16),
    Int(i32),
    Long(i64),
    Double(f64),
    /// Also classes and passwords.
    Text(String),
    List(Vec<String>),
}

impl Value {
    /// Reads `raw` as `kind`. White space around it does not count; an empty list is the empty string.
    pub(super) fn parse(name: &str, kind: Type, raw: &str) -> Result<Value, InvalidConfig> {
        let trimmed = raw.trim();
        let not_a_number =
            || InvalidConfig::value(name, raw, &format!("Not a number of type {}", kind.name()));
        match kind {
            Type::Boolean if trimmed.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
            Type::Boolean if trimmed.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
            Type::Boolean => {
                Err(InvalidConfig::value(name, raw, "Expected value to be either true or false"))
            }
            Type::Short => trimmed.parse().map(Value::Short).map_err(|_| not_a_number()),
            Type::Int => trimmed.parse().map(Value::Int).map_err(|_| not_a_number()),
            Type::Long => trimmed.parse().map(Value::Long).map_err(|_| not_a_number()),
            Type::Double => trimmed.parse().map(Value::Double).map_err(|_| not_a_number()),
            Type::String | Type::Class | Type::Password => Ok(Value::Text(trimmed.to_owned())),
            Type::List if trimmed.is_empty() => Ok(Value::List(Vec::new())),
            Type::List => Ok(Value::List(trimmed.split(',').map(|item| item.trim().to_owned()).collect())),
        }
    }

    /// The number of a `Short`, `Int` or `Long`.
    pub fn as_long(&self) -> Option<i64> {
        match self {
            Value::Short(number) => Some(i64::from(*number)),
            Value::Int(number) => Some(i64::from(*number)),
            Value::Long(number) => Some(*number),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[String]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }
}
