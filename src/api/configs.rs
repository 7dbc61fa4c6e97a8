//! What the config APIs share: which resource a request means, and the proposal of changes.

use std::collections::HashMap;

use futures::future::join_all;

use super::config_changes::Wanted;
use super::context::{Broker, Context};
use super::errors::Failure;
use crate::metadata::{Command, ConfigOp, ConfigResource, Image, check_topic_name};
use crate::protocol::ErrorCode;
use crate::settings::validate_group;
use crate::types::BrokerId;

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
            BROKER => Ok(ConfigResource::Broker(self.this_broker(broker)?)),
            GROUP if self.name.is_empty() => Err(invalid("Group name must not be empty")),
            GROUP => Ok(ConfigResource::Group(self.name.to_owned())),
            BROKER_LOGGER => Err(invalid("The levels of loggers cannot be changed while running.")),
            CLIENT_METRICS => Err(invalid("Subscriptions of client metrics are not supported.")),
            kind => Err(invalid(&format!("Unknown resource type {kind}"))),
        }
    }

    /// The broker that the name stands for, which must be this one: others are asked themselves.
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

/// What a request wants done to one resource.
pub struct Change {
    pub kind: i8,
    pub name: String,
    pub wanted: Wanted,
}

/// What became of a change.
pub struct Changed {
    pub kind: i8,
    pub name: String,
    pub error_code: i16,
    pub error_message: Option<String>,
}

/// Carries out, or only checks, the changes of a request. Each succeeds or fails alone; a resource that is named more
/// than once fails each time.
pub async fn apply(context: &Context, changes: Vec<Change>, validate_only: bool) -> Vec<Changed> {
    let image = context.image();
    let mut named: HashMap<(i8, String), usize> = HashMap::new();
    for change in &changes {
        *named.entry((change.kind, change.name.clone())).or_default() += 1;
    }
    let (image, named) = (&image, &named);
    let changed = changes.into_iter().map(|Change { kind, name, wanted }| async move {
        let repeated = named.get(&(kind, name.clone())).is_some_and(|times| *times > 1);
        let resource = Named { kind, name: &name };
        let failure = match repeated {
            true => Some(invalid("Each resource must appear at most once.")),
            false => apply_one(context, image, resource, wanted, validate_only).await.err(),
        };
        Changed {
            kind,
            error_code: failure.as_ref().map_or(ErrorCode::None, |failure| failure.code).into(),
            error_message: failure.and_then(|failure| failure.message),
            name,
        }
    });
    join_all(changed).await
}

async fn apply_one(
    context: &Context,
    image: &Image,
    resource: Named<'_>,
    wanted: Wanted,
    validate_only: bool,
) -> Result<(), Failure> {
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
    if validate_only {
        return broker.validate(command).await;
    }
    broker.propose(command).await?;
    Ok(())
}

/// What a group is given has to lie within bounds that only the process settings of brokers know.
fn check_group(broker: &Broker, image: &Image, command: &Command) -> Result<(), Failure> {
    let group = match command {
        Command::AlterConfigs { resource: ConfigResource::Group(_), configs } => configs.clone(),
        Command::IncrementalAlterConfigs { resource: ConfigResource::Group(name), changes } => {
            let mut group =
                image.configs.groups.get(name).map(|own| own.as_ref().clone()).unwrap_or_default();
            for change in changes {
                match &change.op {
                    ConfigOp::Set(value) => _ = group.insert(change.name.clone(), value.clone()),
                    ConfigOp::Delete => _ = group.remove(&change.name),
                    // Nothing that has bounds is a list.
                    ConfigOp::Append(_) | ConfigOp::Subtract(_) => {}
                }
            }
            group
        }
        _ => return Ok(()),
    };
    let checked = broker.with_layers(image, |layers| validate_group(&group, layers));
    checked.map_err(|refused| Failure::new(ErrorCode::InvalidConfig, refused.to_string()))
}

pub fn invalid(message: &str) -> Failure {
    Failure::new(ErrorCode::InvalidRequest, message.to_owned())
}
