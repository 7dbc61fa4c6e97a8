//! A shard that was damaged: what is lost, by topic and offsets.

use std::collections::BTreeMap;

use super::Report;
use crate::config::Config;
use crate::log::repair::{Expected, Repair, RepairError, Survey};
use crate::metadata::{Image, Metadata};
use crate::runtime::Runtime;
use crate::store;
use crate::store::database::Databases;
use crate::types::{LeaderEpoch, ShardId, TopicId};

/// Tells what a shard has lost, and gives it up if `accept_loss`.
pub async fn run(
    config: &Config,
    shard: ShardId,
    accept_loss: bool,
    runtime: &Runtime,
) -> Result<Report, String> {
    let opened = store::open(&config.store, runtime, |_, _| ()).await;
    let store = opened.map_err(|error| format!("{}: {error}", config.to_look_at(error.trouble())))?;
    let databases = Databases::new(&store, config.log.index_cache_bytes, runtime);
    let image = match Metadata::look(&store, &databases, config.identity.broker_id, &runtime.clock).await {
        Ok(Some(image)) => image,
        Ok(None) => {
            return Err(
                "there is no metadata here: neither the shard's topics nor its epoch are known".into()
            );
        }
        Err(error) => return Err(format!("the metadata cannot be read: {error}")),
    };
    if image.shard(shard).is_none() {
        let known: Vec<_> = image.shards.keys().map(ToString::to_string).collect();
        return Err(format!("there is no shard {shard}, only {}", known.join(", ")));
    }
    let repair = Repair::new(shard, expected(&image, shard), &store, &databases, runtime);
    let survey = repair.survey().await.map_err(told)?;
    let mut lines = findings(&survey, shard, &names(&image));
    if survey.is_sound() {
        return Ok(Report { lines, is_sound: true });
    }
    if !accept_loss {
        lines.push(super::UNCHANGED.to_owned());
        return Ok(Report { lines, is_sound: false });
    }
    repair.accept(&survey).await.map_err(told)?;
    lines.push(format!("shard {shard} is repaired; what was damaged lies below shards/{shard}/damaged"));
    Ok(Report { lines, is_sound: true })
}

fn told(error: RepairError) -> String {
    error.to_string()
}

fn expected(image: &Image, shard: ShardId) -> Expected {
    let on_it = image.topics.iter().flat_map(|topic| topic.partitions());
    Expected {
        opened_epoch: image.history.opened_epoch(shard),
        leader_epoch: image.shard(shard).map_or(LeaderEpoch(-1), |shard| shard.epoch),
        partitions: on_it.filter(|(_, on)| *on == shard).map(|(partition, _)| partition).collect(),
    }
}

fn names(image: &Image) -> BTreeMap<TopicId, String> {
    image.topics.iter().map(|topic| (topic.id, topic.name.to_string())).collect()
}

/// The damage, then what is lost by it.
fn findings(survey: &Survey, shard: ShardId, names: &BTreeMap<TopicId, String>) -> Vec<String> {
    if survey.is_sound() {
        return vec![format!("shard {shard} is sound")];
    }
    let mut lines: Vec<String> = survey.damage.iter().map(ToString::to_string).collect();
    if survey.index_is_gone {
        lines.push(
            "the index is made anew from the log: groups, committed offsets and log starts are lost that \
             were written before its oldest segment"
                .to_owned(),
        );
    }
    for loss in &survey.losses {
        let id = loss.partition.topic;
        let topic = names.get(&id).cloned().unwrap_or_else(|| format!("with id {id}"));
        lines.push(format!("topic {topic}, partition {}: {loss}", loss.partition.index));
    }
    if survey.losses.is_empty() {
        lines.push("no record is lost".to_owned());
    }
    lines
}
