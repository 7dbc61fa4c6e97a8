//! Which values of the right type are allowed, and Kafka's words for those that are not.

use super::invalid::InvalidConfig;
use super::value::Value;

/// A range of allowed values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Validator {
    Any,
    AtLeast(i64),
    /// Both ends allowed.
    Between(i64, i64),
    /// A real number, both ends allowed.
    Fraction(f64, f64),
    OneOf(&'static [&'static str]),
    OneOfIgnoringCase(&'static [&'static str]),
    /// A list of these, possibly empty. An item may come twice; the second one does not count.
    ListOf(&'static [&'static str]),
    /// A list of anything.
    Items {
        may_be_empty: bool,
    },
    /// 1 to 9, or -1 for the codec's own default.
    GzipLevel,
    /// `*`, or a list of `partition:broker`.
    ThrottledReplicas,
}

impl Validator {
    /// Checks a parsed value; `raw` is what the refusal quotes.
    pub(super) fn check(&self, name: &str, raw: &str, value: &Value) -> Result<(), InvalidConfig> {
        let refuse = |reason: &str| Err(InvalidConfig::value(name, &quoted(value, raw), reason));
        match (self, value) {
            (Validator::Any, _) => Ok(()),
            (Validator::AtLeast(least), value) => match value.as_long() {
                Some(number) if number < *least => refuse(&format!("Value must be at least {least}")),
                _ => Ok(()),
            },
            (Validator::Between(least, most), value) => match value.as_long() {
                Some(number) if number < *least => refuse(&format!("Value must be at least {least}")),
                Some(number) if number > *most => refuse(&format!("Value must be no more than {most}")),
                _ => Ok(()),
            },
            (Validator::Fraction(least, _), Value::Double(number)) if *number < *least => {
                refuse(&format!("Value must be at least {least}"))
            }
            (Validator::Fraction(_, most), Value::Double(number)) if *number > *most => {
                refuse(&format!("Value must be no more than {most}"))
            }
            (Validator::Fraction(..), _) => Ok(()),
            (Validator::OneOf(allowed), Value::Text(text)) if !allowed.contains(&text.as_str()) => {
                refuse(&format!("String must be one of: {}", allowed.join(", ")))
            }
            (Validator::OneOf(_), _) => Ok(()),
            (Validator::OneOfIgnoringCase(allowed), Value::Text(text))
                if !allowed.iter().any(|one| one.eq_ignore_ascii_case(text)) =>
            {
                refuse(&format!("String must be one of (case insensitive): {}", allowed.join(", ")))
            }
            (Validator::OneOfIgnoringCase(_), _) => Ok(()),
            (Validator::ListOf(allowed), Value::List(items)) => check_items(name, allowed, items),
            (Validator::Items { may_be_empty: false }, Value::List(items)) if items.is_empty() => {
                let message = format!(
                    "Configuration '{name}' must not be empty. Valid values include: any non-empty value"
                );
                Err(InvalidConfig::new(name, message))
            }
            (Validator::Items { .. }, Value::List(items)) => check_no_gap(name, items),
            (Validator::ListOf(_) | Validator::Items { .. }, _) => Ok(()),
            (Validator::GzipLevel, Value::Int(level)) if *level != -1 && !(1..=9).contains(level) => {
                refuse("Value must be between 1 and 9 or equal to -1")
            }
            (Validator::GzipLevel, _) => Ok(()),
            (Validator::ThrottledReplicas, Value::List(items)) => check_replicas(name, items),
            (Validator::ThrottledReplicas, _) => Ok(()),
        }
    }
}

/// A number is quoted as it was understood, a text as it was given.
fn quoted(value: &Value, raw: &str) -> String {
    match value {
        Value::Double(number) => format!("{number:?}"),
        value => value.as_long().map_or_else(|| raw.trim().to_owned(), |number| number.to_string()),
    }
}

fn check_no_gap(name: &str, items: &[String]) -> Result<(), InvalidConfig> {
    if items.iter().any(String::is_empty) {
        return Err(InvalidConfig::new(name, format!("Configuration '{name}' values must not be empty.")));
    }
    Ok(())
}

fn check_items(name: &str, allowed: &[&str], items: &[String]) -> Result<(), InvalidConfig> {
    check_no_gap(name, items)?;
    match items.iter().find(|item| !allowed.contains(&item.as_str())) {
        Some(item) => {
            Err(InvalidConfig::value(name, item, &format!("String must be one of: {}", allowed.join(", "))))
        }
        None => Ok(()),
    }
}

fn check_replicas(name: &str, items: &[String]) -> Result<(), InvalidConfig> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Kafka's pattern lets an item be empty.
    let is_replica = |item: &String| {
        item.is_empty()
            || item
                .split_once(':')
                .is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
    };
    if matches!(items, [all] if all.trim() == "*") || items.iter().all(is_replica) {
        return Ok(());
    }
    let reason = format!(
        "{name} must be the literal '*' or a list of replicas in the following format: \
         [partitionId]:[brokerId],[partitionId]:[brokerId],..."
    );
    Err(InvalidConfig::value(name, &format!("[{}]", items.join(", ")), &reason))
}
