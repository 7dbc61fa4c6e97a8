//! Configs of topics, brokers and groups: replaced as a whole, or changed one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::checks::Checks;
use crate::metadata::command::{ConfigChange, ConfigOp, ConfigResource};
use crate::metadata::image::{Image, Topic};
use crate::metadata::outcome::{Applied, Outcome, Refused};
use crate::settings::{self, InvalidConfig, Target};

type Values = BTreeMap<String, String>;

pub(super) fn replace(
    image: &mut Image,
    resource: &ConfigResource,
    configs: &Values,
    checks: Checks,
) -> Outcome {
    current(image, resource)?;
    if checks == Checks::Admission {
        check(resource, configs, &configs.keys().map(String::as_str).collect())?;
    }
    store(image, resource, configs.clone());
    Ok(Applied::Done)
}

pub(super) fn change(
    image: &mut Image,
    resource: &ConfigResource,
    changes: &[ConfigChange],
    checks: Checks,
) -> Outcome {
    let mut values = current(image, resource)?;
    let mut touched = BTreeSet::new();
    for change in changes {
        if !touched.insert(change.name.as_str()) {
            let message = format!("Error due to duplicate config keys: {}", change.name);
            return Err(Refused::InvalidConfig(message));
        }
        merge(&mut values, target(resource), change)?;
    }
    if checks == Checks::Admission {
        check(resource, &values, &touched)?;
    }
    store(image, resource, values);
    Ok(Applied::Done)
}

/// Refuses configs that a topic cannot have.
pub(super) fn check_topic(configs: &Values) -> Result<(), Refused> {
    settings::validate_topic(pairs(configs)).map_err(refusal)
}

fn merge(values: &mut Values, target: Target, change: &ConfigChange) -> Result<(), Refused> {
    let name = &change.name;
    let current = values.get(name).map(String::as_str);
    let value = match &change.op {
        ConfigOp::Set(value) => value.clone(),
        ConfigOp::Delete => {
            values.remove(name);
            return Ok(());
        }
        ConfigOp::Append(operand) => settings::append(target, name, current, operand).map_err(refusal)?,
        ConfigOp::Subtract(operand) => settings::subtract(target, name, current, operand).map_err(refusal)?,
    };
    values.insert(name.clone(), value);
    Ok(())
}

/// Checks what results. Of a broker only the touched values: others may be from a version that knew more.
fn check(resource: &ConfigResource, values: &Values, touched: &BTreeSet<&str>) -> Result<(), Refused> {
    if let ConfigResource::Topic(_) = resource {
        return check_topic(values);
    }
    let target = target(resource);
    for (name, value) in pairs(values).filter(|(name, _)| touched.contains(name)) {
        settings::validate(target, name, value).map_err(refusal)?;
    }
    Ok(())
}

fn current(image: &Image, resource: &ConfigResource) -> Result<Values, Refused> {
    match resource {
        ConfigResource::Topic(id) => {
            image.topic(*id).map(|topic| topic.configs.clone()).ok_or(Refused::UnknownTopic(*id))
        }
        ConfigResource::Broker(id) if image.broker(*id).is_none() => Err(Refused::UnknownBroker(*id)),
        ConfigResource::Broker(id) => Ok(owned(image.configs.brokers.get(id))),
        ConfigResource::Cluster => Ok(Values::clone(&image.configs.cluster)),
        ConfigResource::Group(group) => Ok(owned(image.configs.groups.get(group))),
    }
}

fn owned(values: Option<&Arc<Values>>) -> Values {
    values.map(|values| Values::clone(values)).unwrap_or_default()
}

fn store(image: &mut Image, resource: &ConfigResource, values: Values) {
    let configs = &mut image.configs;
    match resource {
        ConfigResource::Topic(id) => {
            if let Some(topic) = image.topics.get(*id) {
                let topic = Topic { configs: values, ..Topic::clone(topic) };
                image.topics.put(topic);
            }
        }
        ConfigResource::Broker(id) if values.is_empty() => _ = configs.brokers.remove_mut(id),
        ConfigResource::Broker(id) => configs.brokers.insert_mut(*id, Arc::new(values)),
        ConfigResource::Cluster => configs.cluster = Arc::new(values),
        ConfigResource::Group(group) if values.is_empty() => _ = configs.groups.remove_mut(group),
        ConfigResource::Group(group) => configs.groups.insert_mut(group.clone(), Arc::new(values)),
    }
}

fn target(resource: &ConfigResource) -> Target {
    match resource {
        ConfigResource::Topic(_) => Target::Topic,
        ConfigResource::Broker(_) => Target::Broker,
        ConfigResource::Cluster => Target::Cluster,
        ConfigResource::Group(_) => Target::Group,
    }
}

fn pairs(values: &Values) -> impl Iterator<Item = (&str, &str)> + Clone {
    values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn refusal(invalid: InvalidConfig) -> Refused {
    Refused::InvalidConfig(invalid.message)
}
