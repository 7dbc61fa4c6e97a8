//! What was given, and reading it: every refusal names the variable.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::variables::{VARIABLES, Variable, variable_named};
use crate::store::Secret;

/// The settings that somebody set, by the variable's main name.
#[derive(Clone, Default)]
pub struct Given {
    values: BTreeMap<&'static str, String>,
    /// Variables that a platform sets for the clients of its stores, by name.
    platform: Vec<(String, Secret)>,
    problems: Vec<Problem>,
}

impl Given {
    /// Nothing is set.
    pub fn nothing() -> Given {
        Given::default()
    }

    /// Sets one, over what was set before. The empty value leaves it unset.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value: String = value.into();
        match variable_named(name) {
            Some(_) if value.trim().is_empty() => {}
            Some(variable) => {
                self.values.insert(variable.name, value);
            }
            None => self.problems.push(Problem::new(name, "there is no such setting")),
        }
    }

    /// As [`Given::set`], for building one up.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Given {
        self.set(name, value);
        self
    }

    /// Takes every variable that `lookup` knows by its name or an alias. Names that disagree are a problem.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<Result<String, NotUnicode>>) -> Given {
        let mut given = Given::default();
        for variable in VARIABLES {
            let mut source: Option<(&str, String)> = None;
            for name in std::iter::once(variable.name).chain(variable.aliases.iter().copied()) {
                let value = match lookup(name) {
                    None => continue,
                    Some(Err(NotUnicode)) => {
                        given.problems.push(Problem::new(name, "its value is not valid Unicode"));
                        continue;
                    }
                    Some(Ok(value)) if value.trim().is_empty() => continue,
                    Some(Ok(value)) => value,
                };
                match &source {
                    Some((other, first)) if *first != value => {
                        let message = format!("{other} is set too, to something else; they mean the same");
                        given.problems.push(Problem::new(name, &message));
                    }
                    Some(_) => {}
                    None => source = Some((name, value)),
                }
            }
            if let Some((_, value)) = source {
                given.values.insert(variable.name, value);
            }
        }
        given
    }

    /// Takes what a platform sets for the clients of its stores. An empty variable is not set here either.
    #[must_use]
    pub fn with_platform(mut self, variables: impl Iterator<Item = (String, String)>) -> Given {
        let is_told = |(name, value): &(String, String)| {
            let known = name.starts_with("AWS_") || name.starts_with("AZURE_") || name == "IDENTITY_ENDPOINT";
            known && !value.trim().is_empty()
        };
        self.platform = variables.filter(is_told).map(|(name, value)| (name, Secret::new(value))).collect();
        self
    }

    pub(super) fn platform(&self) -> &[(String, Secret)] {
        &self.platform
    }

    /// Whether somebody set it.
    pub fn is_set(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }
}

/// An environment variable whose value is no text.
pub struct NotUnicode;

/// One setting that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The environment variable to look at.
    pub variable: String,
    pub message: String,
}

impl Problem {
    pub(super) fn new(variable: &str, message: &str) -> Problem {
        Problem { variable: variable.to_owned(), message: message.to_owned() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match variable_named(&self.variable) {
            Some(variable) => write!(f, "{} (--{}): {}", self.variable, variable.flag(), self.message),
            None => write!(f, "{}: {}", self.variable, self.message),
        }
    }
}

/// Everything that is wrong with the settings; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Problem>);

/// Reads settings by type. A wrong one is noted and stands as `None` or the type's zero until the end, where
/// [`Reader::finish`] refuses everything.
pub(super) struct Reader<'a> {
    given: &'a Given,
    problems: Vec<Problem>,
    /// Which settings were asked for: one that nobody reads would be accepted without effect.
    pub(super) read: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(given: &'a Given) -> Reader<'a> {
        Reader { given, problems: given.problems.clone(), read: Vec::new() }
    }

    pub(super) fn refuse(&mut self, name: &str, message: &str) {
        self.problems.push(Problem::new(name, message));
    }

    pub(super) fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(config) } else { Err(ConfigError(self.problems)) }
    }

    /// The trimmed text, given or default.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.read.push(name);
        let variable = variable_named(name);
        debug_assert!(variable.is_some(), "{name} is missing in the table");
        let given = self.given.values.get(name).map(String::as_str);
        let text = given.or(variable.and_then(|known| known.default))?.trim();
        if text.contains(char::is_control) {
            self.refuse(name, "its value has a line break or another control character in it");
            return None;
        }
        Some(text.to_owned())
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let text = self.text(name)?;
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => {
                self.refuse_value(name, &text, "true or false");
                None
            }
        }
    }

    pub(super) fn number<T>(&mut self, name: &'static str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        let text = self.text(name)?;
        match text.parse::<T>() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let wanted = format!("a whole number from {} to {}", range.start(), range.end());
                self.refuse_value(name, &text, &wanted);
                None
            }
        }
    }

    /// A number of bytes, with or without a unit: `8388608`, `8MiB`.
    pub(super) fn bytes(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let text = self.text(name)?;
        match parse_bytes(&text) {
            Some(bytes) if range.contains(&bytes) => Some(bytes),
            _ => {
                let wanted = format!(
                    "a number of bytes from {} to {}, which may end in KiB, MiB or GiB",
                    range.start(),
                    range.end()
                );
                self.refuse_value(name, &text, &wanted);
                None
            }
        }
    }

    pub(super) fn millis(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<Duration> {
        self.number(name, range).map(Duration::from_millis)
    }

    /// One of `choices`, whatever its case.
    pub(super) fn one_of<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.refuse_value(name, &text, &words.join(" or "));
        }
        found.map(|(_, choice)| *choice)
    }

    pub(super) fn refuse_value(&mut self, name: &str, text: &str, wanted: &str) {
        let shown = match variable_named(name) {
            Some(Variable { secret: true, .. }) => "its value".to_owned(),
            _ => format!("'{text}'"),
        };
        self.refuse(name, &format!("{shown} is not {wanted}"));
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
