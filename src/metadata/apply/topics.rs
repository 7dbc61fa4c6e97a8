//! Topics: made, enlarged, deleted, and forgotten once their data is gone.

use std::sync::Arc;

use super::checks::Checks;
use super::configs;
use crate::metadata::command::{IfExists, NewTopic};
use crate::metadata::image::{DeletedTopic, Image, PartitionState, Topic};
use crate::metadata::outcome::{Applied, Outcome, Refused};
use crate::types::{ShardId, TopicId};

/// Partitions that one command can make, as in Kafka (`ReplicationControlManager.MAX_PARTITIONS_PER_BATCH`).
pub const MOST_PARTITIONS: usize = 10_000;

/// Longest name of a topic in bytes, as in Kafka (`Topic.MAX_NAME_LENGTH`).
const LONGEST_NAME: usize = 249;

/// Refuses a name that no topic may have, worded as Kafka's (`Topic.validate`).
pub fn check_topic_name(name: &str) -> Result<(), Refused> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let reason = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.len() > LONGEST_NAME {
        format!("the length of '{name}' is longer than the max allowed length {LONGEST_NAME}")
    } else if !name.bytes().all(allowed) {
        format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
    } else {
        return Ok(());
    };
    Err(Refused::InvalidTopicName(format!("Topic name is invalid: {reason}")))
}

pub(super) fn create(image: &mut Image, new: &NewTopic, checks: Checks) -> Outcome {
    if !image.is_formed() {
        return Err(Refused::NotFormed);
    }
    if let Some(topic) = image.topic_by_name(&new.name) {
        return if topic.id == new.id || new.if_exists == IfExists::Accept {
            Ok(Applied::Topic { id: topic.id, created: topic.id == new.id })
        } else {
            Err(Refused::TopicExists(new.name.to_string()))
        };
    }
    check_topic_name(&new.name)?;
    if let Some(other) = image.topics.colliding(&new.name) {
        return Err(Refused::InvalidTopicName(format!(
            "Topic '{}' collides with existing topic: {}",
            new.name, other.name
        )));
    }
    // A deleted topic's id may not come back either: the owners are removing everything that carries it.
    if image.topic(new.id).is_some() || image.deleted.contains_key(&new.id) || new.id == TopicId::ZERO {
        return Err(Refused::TopicIdTaken(new.id));
    }
    if new.placement.is_empty() {
        return Err(Refused::InvalidPartitions(
            "Number of partitions was set to an invalid non-positive value.".to_owned(),
        ));
    }
    check_placement(image, &new.placement)?;
    if checks == Checks::Admission {
        configs::check_topic(&new.configs)?;
    }
    image.topics.put(Topic {
        id: new.id,
        name: new.name.clone(),
        partitions: partitions(&new.placement).collect(),
        configs: new.configs.clone(),
        created_ms: new.created_ms,
    });
    Ok(Applied::Topic { id: new.id, created: true })
}

/// Adds partitions. A decision on an older image still holds if the topic has grown since: only what is missing is added.
pub(super) fn create_partitions(image: &mut Image, id: TopicId, from: u32, placement: &[ShardId]) -> Outcome {
    let topic = image.topic(id).ok_or(Refused::UnknownTopic(id))?;
    let (from, current) = (from as usize, topic.partitions.len());
    let wanted = from.saturating_add(placement.len());
    if wanted == current {
        return Err(Refused::InvalidPartitions(format!("Topic already has {current} partition(s).")));
    }
    if wanted < current || from > current {
        return Err(Refused::InvalidPartitions(format!(
            "The topic {} currently has {current} partition(s); {wanted} would not be an increase.",
            topic.name
        )));
    }
    let missing = &placement[current - from..];
    check_placement(image, missing)?;
    let mut topic = Topic::clone(topic);
    topic.partitions.extend(partitions(missing));
    image.topics.put(topic);
    Ok(Applied::Done)
}

pub(super) fn delete(image: &mut Image, id: TopicId, deleted_ms: i64) -> Outcome {
    let topic = image.topics.remove(id).ok_or(Refused::UnknownTopic(id))?;
    let deleted = DeletedTopic {
        name: topic.name.clone(),
        partitions: topic.partitions.len() as u32,
        deleted_ms,
        shards: topic.partitions.iter().map(|partition| partition.shard).collect(),
    };
    image.deleted.insert_mut(id, Arc::new(deleted));
    Ok(Applied::Done)
}

/// Reports may come twice, from an owner that did not hear the answer.
pub(super) fn data_removed(image: &mut Image, id: TopicId, shard: ShardId) -> Outcome {
    if let Some(topic) = image.deleted.get(&id) {
        let mut topic = DeletedTopic::clone(topic);
        topic.shards.remove(&shard);
        if topic.shards.is_empty() {
            image.deleted.remove_mut(&id);
        } else {
            image.deleted.insert_mut(id, Arc::new(topic));
        }
    }
    Ok(Applied::Done)
}

fn check_placement(image: &Image, placement: &[ShardId]) -> Result<(), Refused> {
    if placement.len() > MOST_PARTITIONS {
        return Err(Refused::TooManyPartitions { given: placement.len(), most: MOST_PARTITIONS });
    }
    match placement.iter().find(|shard| image.shard(**shard).is_none()) {
        Some(shard) => Err(Refused::UnknownShard(*shard)),
        None => Ok(()),
    }
}

fn partitions(placement: &[ShardId]) -> impl Iterator<Item = PartitionState> + '_ {
    placement.iter().map(|shard| PartitionState { shard: *shard })
}
