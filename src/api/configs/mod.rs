//! Configs as the APIs share them: which resource a request means, and the proposal of changes.
//! They must never know what a setting means: `settings` validates, `metadata` stores.
//! Entry point: [`apply`] for changes, [`Named`] for what is described.
//! Invariant: each change of a request succeeds or fails alone.

mod wanted;

use std::collections::BTreeMap;

use crate::api::context::{Broker, Context};
use crate::api::errors::Failure;
use crate::api::topics::find_repeated;
use crate::metadata::{Command, ConfigChange, ConfigOp, ConfigResource, Image, check_topic_name};
use crate::protocol::ErrorCode;
use crate::settings::{self, BIRTHRIGHT, Target, keeps_birthright, validate, validate_group, validate_step};
use crate::types::BrokerId;
pub use wanted::Wanted;

/// `ConfigResource.Type`.
pub const TOPIC: i8 = 2;
pub const BROKER: i8 = 4;
pub const BROKER_LOGGER: i8 = 8;
pub const CLIENT_METRICS: i8 = 16;
pub const GROUP: i8 = 32;

/// The types in the order of ListConfigResources.
pub const TYPES: [i8; 5] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];

/// A resource as requests name it.
pub struct Named<'a> {
    pub kind: i8,
    pub name: &'a str,
}

impl Named<'_> {
    /// The resource whose configs are to change.
    pub fn target(&self, broker: &Broker, image: &Image) -> Result<ConfigResource, Failure> {
        match self.kind {
            TOPIC if self.name.is_empty() => Err(invalid("Default topic resources are not allowed.")),
            TOPIC => {
                check_topic_name(self.name)?;
                let topic = image.topic_by_name(self.name).ok_or_else(|| {
                    let message = format!("The topic '{}' does not exist.", self.name);
                    Failure::new(ErrorCode::UnknownTopicOrPartition, message)
                })?;
                Ok(ConfigResource::Topic(topic.id))
            }
            BROKER if self.name.is_empty() => Ok(ConfigResource::Cluster),
            BROKER => Ok(ConfigResource::Broker(self.changed_broker(broker)?)),
            GROUP if self.name.is_empty() => Err(invalid("Group name must not be empty")),
            GROUP => Ok(ConfigResource::Group(self.name.to_owned())),
            BROKER_LOGGER => Err(invalid("The levels of loggers cannot be changed while running.")),
            CLIENT_METRICS => Err(invalid("Subscriptions of client metrics are not supported.")),
            kind => Err(invalid(&format!("Unknown resource type {kind}"))),
        }
    }

    /// The broker whose configs are to change, which must be this one: clients ask each broker itself, since only that knows
    /// what it was started with (`ConfigAdminManager.validateResourceNameIsCurrentNodeId`).
    fn changed_broker(&self, broker: &Broker) -> Result<BrokerId, Failure> {
        let Ok(id) = self.name.parse::<i32>() else {
            return Err(invalid(&format!("Node id must be an integer, but it is: {}", self.name)));
        };
        if id != broker.id.0 {
            let message = format!("Unexpected broker id, expected {}, but received {}", broker.id, self.name);
            return Err(invalid(&message));
        }
        Ok(broker.id)
    }

    /// The broker that is described, which must be this one, in the words of `ConfigHelper.describeConfigs`.
    pub fn this_broker(&self, broker: &Broker) -> Result<BrokerId, Failure> {
        let Ok(id) = self.name.parse::<i32>() else {
            return Err(invalid(&format!("Broker id must be an integer, but it is: {}", self.name)));
        };
        if id != broker.id.0 {
            return Err(invalid(&format!(
                "Unexpected broker id, expected {} or empty string, but received {}",
                broker.id, self.name
            )));
        }
        Ok(broker.id)
    }
}

/// A change of one resource, as a request wants it.
pub struct Change {
    pub kind: i8,
    pub name: String,
    pub wanted: Wanted,
}

/// The outcome of a change.
pub struct Changed {
    pub kind: i8,
    pub name: String,
    pub error_code: i16,
    pub error_message: Option<String>,
}

/// Carries out, or only checks, the changes of a request. Each succeeds or fails alone; a resource that is named more
/// than once fails each time.
pub async fn apply(context: &Context, changes: Vec<Change>, validate_only: bool) -> Vec<Changed> {
    let image = context.newest().await;
    let repeated = find_repeated(changes.iter().map(|change| (change.kind, change.name.clone())));
    let (plans, resources): (Vec<_>, Vec<_>) = changes
        .into_iter()
        .map(|Change { kind, name, wanted }| {
            let resource = (kind, name);
            let plan = match repeated.contains(&resource) {
                true => Err(invalid("Each resource must appear at most once.")),
                false => image
                    .as_ref()
                    .map_err(Failure::clone)
                    .and_then(|image| command(context, image, &Named { kind, name: &resource.1 }, wanted)),
            };
            (plan.map(|command| ((), command)), resource)
        })
        .unzip();
    let outcomes = context.carry_out(plans, validate_only).await;
    let changed = resources.into_iter().zip(outcomes).map(|((kind, name), outcome)| {
        let failure = outcome.err();
        Changed {
            kind,
            error_code: failure.as_ref().map_or(ErrorCode::None, |failure| failure.code).into(),
            error_message: failure.and_then(|failure| failure.message),
            name,
        }
    });
    changed.collect()
}

fn command(
    context: &Context,
    image: &Image,
    resource: &Named<'_>,
    wanted: Wanted,
) -> Result<Command, Failure> {
    let broker = &context.broker;
    wanted.check_form(resource.kind)?;
    let command = match resource.target(broker, image) {
        Ok(target) => wanted.command(target)?,
        Err(missing) => {
            wanted.check_for_missing(resource.kind, &missing)?;
            return Err(missing);
        }
    };
    check_group(broker, image, &command)?;
    check_brokers(broker, image, &command)?;
    Ok(command)
}

/// Configs of a group have to lie within bounds that only the process settings of brokers know.
fn check_group(broker: &Broker, image: &Image, command: &Command) -> Result<(), Failure> {
    let own = match command {
        Command::AlterConfigs { resource: ConfigResource::Group(_), .. } => None,
        Command::IncrementalAlterConfigs { resource: ConfigResource::Group(name), .. } => {
            image.configs.groups.get(name)
        }
        _ => return Ok(()),
    };
    let own = own.map(|own| own.as_ref().clone()).unwrap_or_default();
    let group = after(Target::Group, own, command)?;
    let checked = broker.with_layers(image, |layers| validate_group(&group, layers));
    checked.map_err(|refused| Failure::new(ErrorCode::InvalidConfig, refused.to_string()))
}

/// Kafka checks what brokers are given at the broker, which knows what it has now, and refuses it as a bad request
/// (`ConfigAdminManager.preprocess`).
fn check_brokers(broker: &Broker, image: &Image, command: &Command) -> Result<(), Failure> {
    let (resource, names): (_, Vec<&str>) = match command {
        Command::AlterConfigs { resource, configs } => {
            (resource, configs.keys().map(String::as_str).chain(BIRTHRIGHT.iter().copied()).collect())
        }
        Command::IncrementalAlterConfigs { resource, changes } => {
            (resource, changes.iter().map(|change| change.name.as_str()).collect())
        }
        _ => return Ok(()),
    };
    let (target, own) = match resource {
        ConfigResource::Broker(id) => (Target::Broker, image.configs.brokers.get(id)),
        ConfigResource::Cluster => (Target::Cluster, Some(&image.configs.cluster)),
        ConfigResource::Topic(_) | ConfigResource::Group(_) => return Ok(()),
    };
    let own = own.map(|own| own.as_ref().clone()).unwrap_or_default();
    let wanted = after(target, own, command)?;
    for name in &names {
        let Some(value) = wanted.get(*name) else { continue };
        let checked = validate(target, name, value)
            .and_then(|_| broker.with_layers(image, |layers| validate_step(name, value, layers)));
        checked.map_err(|refused| invalid(&refused.message))?;
    }
    for name in names {
        if target == Target::Cluster || wanted.contains_key(name) || is_incremental(command) {
            keeps_birthright(target, name, wanted.contains_key(name))?;
        }
    }
    Ok(())
}

fn is_incremental(command: &Command) -> bool {
    matches!(command, Command::IncrementalAlterConfigs { .. })
}

/// The values of a resource after a change of its configs.
fn after(
    target: Target,
    mut own: BTreeMap<String, String>,
    command: &Command,
) -> Result<BTreeMap<String, String>, Failure> {
    match command {
        Command::AlterConfigs { configs, .. } => return Ok(configs.clone()),
        Command::IncrementalAlterConfigs { changes, .. } => {
            for ConfigChange { name, op } in changes {
                let current = own.get(name).map(String::as_str);
                let value = match op {
                    ConfigOp::Set(value) => value.clone(),
                    ConfigOp::Delete => {
                        own.remove(name);
                        continue;
                    }
                    ConfigOp::Append(operand) => settings::append(target, name, current, operand)?,
                    ConfigOp::Subtract(operand) => settings::subtract(target, name, current, operand)?,
                };
                own.insert(name.clone(), value);
            }
        }
        _ => {}
    }
    Ok(own)
}

pub fn invalid(message: &str) -> Failure {
    Failure::new(ErrorCode::InvalidRequest, message.to_owned())
}
