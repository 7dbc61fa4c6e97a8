//! Changes of one resource's configs as a request wants them, and the checks that do not depend on what it has now.

use std::collections::BTreeMap;

use super::{GROUP, TOPIC, invalid};
use crate::api::errors::Failure;
use crate::metadata::{Command, ConfigChange, ConfigOp, ConfigResource};
use crate::protocol::ErrorCode;
use crate::settings::{self, Target};

pub enum Wanted {
    /// Exactly these are set afterwards.
    Replace(Vec<(String, Option<String>)>),
    /// Each by its operation.
    Each(Vec<(String, i8, Option<String>)>),
}

impl Wanted {
    /// The command that does it to `resource`.
    pub fn command(self, resource: ConfigResource) -> Result<Command, Failure> {
        Ok(match self {
            Wanted::Replace(configs) => {
                let set = configs.into_iter().filter_map(|(name, value)| Some((name, value?)));
                Command::AlterConfigs { resource, configs: set.collect() }
            }
            Wanted::Each(changes) => {
                let changes = changes
                    .into_iter()
                    .map(|(name, op, value)| Ok(ConfigChange { name, op: operation(op, value)? }));
                let changes = changes.collect::<Result<Vec<_>, Failure>>()?;
                Command::IncrementalAlterConfigs { resource, changes }
            }
        })
    }

    /// The checks that Kafka makes although the resource is not there, since it looks for that last
    /// (`ConfigurationControlManager.incrementalAlterConfigResource`, `ControllerConfigurationValidator`).
    pub fn check_for_missing(&self, kind: i8, missing: &Failure) -> Result<(), Failure> {
        let Some(target) = target(kind) else { return Ok(()) };
        let mut values = BTreeMap::new();
        match self {
            Wanted::Replace(configs) => {
                values
                    .extend(configs.iter().filter_map(|(name, value)| Some((name.as_str(), value.clone()?))));
            }
            Wanted::Each(changes) => {
                for (name, op, value) in changes {
                    let value = match operation(*op, value.clone())? {
                        ConfigOp::Set(value) => value,
                        ConfigOp::Delete => continue,
                        ConfigOp::Append(operand) => settings::append(target, name, None, &operand)?,
                        ConfigOp::Subtract(operand) => settings::subtract(target, name, None, &operand)?,
                    };
                    values.insert(name.as_str(), value);
                }
            }
        }
        if missing.code == ErrorCode::UnknownTopicOrPartition {
            settings::validate_topic(values.iter().map(|(name, value)| (*name, value.as_str())))?;
        }
        Ok(())
    }

    /// Checks the request by itself, whatever the resource has now.
    pub fn check_form(&self, kind: i8) -> Result<(), Failure> {
        const DELETE: i8 = 1;
        let (mut names, null): (Vec<&str>, Vec<&str>) = match self {
            Wanted::Replace(configs) => (
                configs.iter().map(|(name, _)| name.as_str()).collect(),
                configs.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name.as_str()).collect(),
            ),
            Wanted::Each(changes) => (
                changes.iter().map(|(name, _, _)| name.as_str()).collect(),
                changes
                    .iter()
                    .filter(|(_, op, value)| *op != DELETE && value.is_none())
                    .map(|(name, _, _)| name.as_str())
                    .collect(),
            ),
        };
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() != count {
            return Err(invalid("Error due to duplicate config keys"));
        }
        if !null.is_empty() {
            return Err(invalid(&format!("Null value not supported for : {}", null.join(", "))));
        }
        self.check_operations(kind)
    }

    /// That what is added to or taken from is a list, and that each operation is known.
    fn check_operations(&self, kind: i8) -> Result<(), Failure> {
        let Wanted::Each(changes) = self else { return Ok(()) };
        let mut unknown = Ok(());
        for (name, op, value) in changes {
            match (target(kind), operation(*op, value.clone())) {
                (Some(target), Ok(ConfigOp::Append(operand))) => {
                    settings::append(target, name, None, &operand)?;
                }
                (Some(target), Ok(ConfigOp::Subtract(operand))) => {
                    settings::subtract(target, name, None, &operand)?;
                }
                (_, operation) => unknown = unknown.and(operation.map(drop)),
            }
        }
        unknown
    }
}

/// Whose settings are looked at before the resource itself is.
fn target(kind: i8) -> Option<Target> {
    match kind {
        TOPIC => Some(Target::Topic),
        GROUP => Some(Target::Group),
        _ => None,
    }
}

/// `AlterConfigOp.OpType`.
fn operation(op: i8, value: Option<String>) -> Result<ConfigOp, Failure> {
    let value = value.unwrap_or_default();
    Ok(match op {
        0 => ConfigOp::Set(value),
        1 => ConfigOp::Delete,
        2 => ConfigOp::Append(value),
        3 => ConfigOp::Subtract(value),
        _ => return Err(invalid(&format!("Unknown operations type {op}"))),
    })
}
