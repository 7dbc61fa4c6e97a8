//! Metadata that is gone, or an older copy of itself, made anew from what the shards remember.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::Report;
use crate::broker;
use crate::config::Config;
use crate::log::keys::KeptTopic;
use crate::log::repair::{Expected, Remembered, Repair};
use crate::metadata::{Command, IfExists, Image, Metadata, MetadataSettings, NewTopic, RaftHome, StartError};
use crate::runtime::Runtime;
use crate::store::database::Databases;
use crate::store::{self, Store};
use crate::types::{LeaderEpoch, ShardId, TopicId, WriterEpoch};

/// So many leader epochs may have been taken of which no shard has a record.
const EPOCHS_WITHOUT_RECORDS: i32 = 1 << 20;
/// The same of producer ids.
const PRODUCERS_WITHOUT_RECORDS: i64 = 1 << 30;

/// The metadata that is to come of it.
struct Plan {
    lines: Vec<String>,
    topics: Vec<NewTopic>,
    nonces: Vec<u128>,
    /// The newest entry that any shard saw.
    index: u64,
    is_needed: bool,
}

/// Tells what the shards remember that the metadata does not know, and makes it known if `accept_loss`.
pub async fn run(config: &Config, accept_loss: bool, runtime: &Runtime) -> Result<Report, String> {
    let opened = store::open(&config.store, runtime, |_, _| ()).await;
    let store = opened.map_err(|error| format!("{}: {error}", config.to_look_at(error.trouble())))?;
    let databases = Databases::new(&store, config.log.index_cache_bytes, runtime);
    let broker = config.identity.broker_id;
    let image = match Metadata::look(&store, &databases, broker, &runtime.clock).await {
        Ok(image) => image.filter(Image::is_formed),
        // A shard that cannot be read is as good as gone.
        Err(StartError::Damaged { .. }) => None,
        Err(error) => return Err(error.to_string()),
    };
    let shards = remembered(&store, &databases, runtime).await?;
    let mut plan = plan(image.as_ref(), &shards);
    if !plan.is_needed {
        return Ok(Report { lines: plan.lines, is_sound: true });
    }
    if !accept_loss {
        plan.lines.push(super::UNCHANGED.to_owned());
        return Ok(Report { lines: plan.lines, is_sound: false });
    }
    let home = RaftHome::of(&store, broker, &runtime.clock).await.map_err(|error| error.to_string())?;
    if image.is_none() {
        let aside = store.path(&format!("damaged/{}/raft/{broker}", runtime.clock.now_ms()));
        move_folder(&store, &home.path, &aside).await.map_err(|error| error.to_string())?;
    }
    let ports: Vec<u16> = config.clients.listeners.iter().map(|listener| listener.port).collect();
    let settings = broker::metadata_settings(config, &ports, &store);
    let settings = MetadataSettings { is_rebuilt: true, ..settings };
    let metadata = Metadata::start(&store, &databases, &settings, runtime).await;
    let metadata = metadata.map_err(|error| error.to_string())?;
    let written = write(&metadata, &plan, &shards).await;
    metadata.close().await;
    runtime.shutdown.request();
    written?;
    plan.lines.push(format!("the metadata of broker {broker} is repaired"));
    Ok(Report { lines: plan.lines, is_sound: true })
}

/// The memory of each shard that has anything in the store.
async fn remembered(
    store: &Store,
    databases: &Databases,
    runtime: &Runtime,
) -> Result<BTreeMap<ShardId, Remembered>, String> {
    let listed = store.object_store().list_with_delimiter(Some(&store.path("shards"))).await;
    let listed = listed.map_err(|error| error.to_string())?;
    let names = listed.common_prefixes.iter().filter_map(|path| path.filename()?.parse().ok());
    let mut shards = BTreeMap::new();
    for shard in names.map(ShardId) {
        let nothing = Expected {
            opened_epoch: WriterEpoch::NONE,
            leader_epoch: LeaderEpoch(-1),
            partitions: Vec::new(),
        };
        let repair = Repair::new(shard, nothing, store, databases, runtime);
        let found = repair.remembered().await.map_err(|error| format!("shard {shard}: {error}"))?;
        shards.insert(shard, found);
    }
    Ok(shards)
}

fn plan(image: Option<&Image>, shards: &BTreeMap<ShardId, Remembered>) -> Plan {
    let empty = Image::empty();
    let known = image.unwrap_or(&empty);
    let mut plan = Plan {
        lines: Vec::new(),
        topics: Vec::new(),
        nonces: Vec::new(),
        index: known.index,
        is_needed: image.is_none(),
    };
    if image.is_none() {
        plan.lines
            .push("the metadata is gone, or cannot be read: configs of brokers and groups are lost".into());
    }
    for (shard, found) in shards {
        let Some(served) = &found.served else { continue };
        let moment = crate::metadata::Moment {
            cluster_id: known.cluster_id.clone(),
            index: served.index,
            nonce: served.nonce,
        };
        if image.is_some() && known.contradicts(&moment).is_some() {
            plan.is_needed = true;
            plan.lines.push(format!("shard {shard} saw entry {} of it, which is not there", served.index));
        }
        plan.index = plan.index.max(served.index);
        if !plan.nonces.contains(&served.nonce) {
            plan.nonces.push(served.nonce);
        }
    }
    topics(known, shards, &mut plan);
    if !plan.is_needed {
        plan.lines = vec!["no shard knows more than the metadata".to_owned()];
    }
    plan
}

/// Topics that the shards remember, and the metadata does not know.
fn topics(known: &Image, shards: &BTreeMap<ShardId, Remembered>, plan: &mut Plan) {
    let is_unknown = |id: TopicId| known.topic(id).is_none() && !known.deleted.contains_key(&id);
    let mut kept: BTreeMap<TopicId, (&KeptTopic, BTreeMap<u32, ShardId>)> = BTreeMap::new();
    for (shard, found) in shards {
        for topic in found.topics.iter().filter(|topic| is_unknown(topic.id)) {
            let (newest, places) = kept.entry(topic.id).or_insert_with(|| (topic, BTreeMap::new()));
            if topic.partitions > newest.partitions {
                *newest = topic;
            }
            places.extend(topic.here.iter().map(|index| (*index, *shard)));
        }
    }
    let on: Vec<ShardId> = shards.keys().copied().collect();
    for (topic, places) in kept.values() {
        let place = |index: u32| places.get(&index).copied().unwrap_or(on[index as usize % on.len()]);
        let placement: Vec<ShardId> = (0..topic.partitions).map(place).collect();
        plan.lines.push(format!("topic {}, {} partitions: comes back", topic.name, topic.partitions));
        plan.topics.push(NewTopic {
            id: topic.id,
            name: topic.name.as_str().into(),
            placement,
            configs: topic.configs.clone(),
            created_ms: topic.created_ms,
            if_exists: IfExists::Refuse,
        });
    }
    let mut nameless: BTreeSet<TopicId> =
        shards.values().flat_map(|found| &found.partitions).map(|p| p.topic).collect();
    nameless.retain(|id| is_unknown(*id) && !kept.contains_key(id));
    for id in nameless {
        plan.lines
            .push(format!("records of a topic with id {id}, which no shard knows, stay where they are"));
    }
}

async fn write(
    metadata: &Metadata,
    plan: &Plan,
    shards: &BTreeMap<ShardId, Remembered>,
) -> Result<(), String> {
    let leader_epoch = shards.values().map(|found| found.leader_epoch).max().unwrap_or(-1);
    let producer_id = shards.values().map(|found| found.producer_id).max().unwrap_or(-1);
    let mut commands = vec![
        Command::RaiseCounters {
            next_leader_epoch: leader_epoch.saturating_add(EPOCHS_WITHOUT_RECORDS),
            next_producer_id: producer_id.saturating_add(PRODUCERS_WITHOUT_RECORDS),
        },
        Command::AcceptPast { nonces: plan.nonces.clone(), index: plan.index },
    ];
    if let Some((last, _)) =
        shards.last_key_value().filter(|(last, _)| metadata.image().shard(**last).is_none())
    {
        commands.insert(0, Command::AddShards { shards: last.0 + 1 });
    }
    let here = shards.iter().filter(|(_, found)| found.epoch > WriterEpoch::NONE);
    commands.extend(here.map(|(shard, found)| Command::ShardOpened { shard: *shard, epoch: found.epoch }));
    commands.extend(plan.topics.iter().cloned().map(Command::CreateTopic));
    for outcome in metadata.propose_each(commands).await {
        outcome.map_err(|error| error.to_string())?.map_err(|refused| refused.to_string())?;
    }
    Ok(())
}

async fn move_folder(store: &Store, folder: &Path, to: &Path) -> object_store::Result<()> {
    let objects = store.object_store();
    let listed: Vec<_> = objects.list(Some(folder)).try_collect().await?;
    for object in listed {
        let rest = object.location.prefix_match(folder).into_iter().flatten();
        let target: Path = to.parts().chain(rest).collect();
        let bytes = objects.get(&object.location).await?.bytes().await?;
        objects.put(&target, bytes.into()).await?;
        objects.delete(&object.location).await?;
    }
    Ok(())
}
