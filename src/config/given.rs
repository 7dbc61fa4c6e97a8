//! Given values, as texts: every refusal names the variable.

use std::collections::BTreeMap;
use std::fmt;

use super::table::{VARIABLES, variable_named};
use super::variable::Variable;
use super::words::StoreKind;
use super::{names, platform};
use crate::runtime::Secret;

/// The settings that somebody set, by the variable's main name.
#[derive(Clone, Default)]
pub struct Given {
    values: BTreeMap<&'static str, String>,
    /// Variables that a platform sets for the clients of its stores, by name.
    platform: Vec<(&'static str, Secret)>,
    /// Variables that nothing reads, and that somebody may have meant to be read.
    warnings: Vec<String>,
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

    /// Takes what is known of an environment. Names of one setting that disagree are a problem; a name that is nearly one,
    /// or begins like ours, is a warning.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, Result<String, NotUnicode>)>,
    ) -> Given {
        let mut set: BTreeMap<String, _> = variables.into_iter().collect();
        set.retain(|_, value| !matches!(value, Ok(value) if value.trim().is_empty()));
        let mut given = Given::default();
        for variable in VARIABLES {
            given.take(variable, &set);
        }
        let told = platform::names().filter_map(|name| Some((name, set.get(name)?.as_ref().ok()?)));
        given.platform = told.map(|(name, value)| (name, Secret::new(value))).collect();
        let texts = set.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref().ok()?)));
        given.warnings = texts.filter_map(|(name, value)| names::warning(name, value)).collect();
        given
    }

    /// Takes a variable by its name or an alias.
    fn take(&mut self, variable: &Variable, set: &BTreeMap<String, Result<String, NotUnicode>>) {
        let mut source: Option<(&str, &String)> = None;
        for name in variable.names() {
            let value = match set.get(name) {
                None => continue,
                Some(Err(NotUnicode)) => {
                    self.problems.push(Problem::new(name, "its value is not valid Unicode"));
                    continue;
                }
                Some(Ok(value)) => value,
            };
            match source {
                Some((other, first)) if first != value => {
                    let message = format!("{other} is set too, to something else; they mean the same");
                    self.problems.push(Problem::new(name, &message));
                }
                Some(_) => {}
                None => source = Some((name, value)),
            }
        }
        if let Some((_, value)) = source {
            self.values.insert(variable.name, value.clone());
        }
    }

    /// Variables by which a platform tells the clients of this kind of store.
    pub(super) fn platform(&self, store: StoreKind) -> Vec<(&'static str, Secret)> {
        let is_of = |(name, _): &&(&str, Secret)| platform::of(store).any(|known| known == *name);
        self.platform.iter().filter(is_of).cloned().collect()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// True if somebody set it.
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
            Some(variable) if !variable.secret => {
                write!(f, "{} (--{}): {}", self.variable, variable.flag(), self.message)
            }
            _ => write!(f, "{}: {}", self.variable, self.message),
        }
    }
}

/// Everything that is wrong with the settings; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Problem>);
