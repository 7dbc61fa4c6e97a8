//! The cluster itself: its birth, brokers, assignments, producer ids, features.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checks::Checks;
use crate::metadata::features;
use crate::metadata::history::Life;
use crate::metadata::image::{Broker, Features, Image, MOST_SHARDS, Owner, Shard};
use crate::metadata::outcome::{Applied, Outcome, Refused};
use crate::metadata::version::{LEVEL, OF_ENDED_LIVES};
use crate::types::{BrokerId, Incarnation, LeaderEpoch, ProducerId, ShardId, WriterEpoch};

/// Producer ids in one block, as many as Kafka's controller gives at once (`ProducerIdsBlock`).
pub(in crate::metadata) const PRODUCER_ID_BLOCK: u32 = 1000;

/// Slots are dealt to the shards in turn.
pub(super) fn form(
    image: &mut Image,
    cluster_id: &str,
    shards: u32,
    slots: u16,
    features: &BTreeMap<String, i16>,
) -> Outcome {
    if image.is_formed() {
        return Err(Refused::AlreadyFormed { cluster_id: image.cluster_id.to_string() });
    }
    if shards == 0 || slots == 0 {
        return Err(Refused::NotFormed);
    }
    image.cluster_id = Arc::from(cluster_id);
    for shard in 0..shards {
        image.shards.insert_mut(ShardId(shard), Shard { owner: None, epoch: LeaderEpoch(-1) });
    }
    image.slots = (0..u32::from(slots)).map(|slot| ShardId(slot % shards)).collect();
    image.features = Features { epoch: 1, levels: features.clone() };
    Ok(Applied::Done)
}

pub(super) fn register(image: &mut Image, broker: &Broker) -> Outcome {
    if !image.is_formed() {
        return Err(Refused::NotFormed);
    }
    if let Some(known) = image.broker(broker.id)
        && known.incarnation > broker.incarnation
    {
        return Err(stale(known, broker.incarnation));
    }
    if let Some(level) = image.finalized_level().filter(|level| *level > broker.command_version) {
        return Err(Refused::TooOld { broker: broker.id, known: broker.command_version, level });
    }
    image.brokers.insert_mut(broker.id, Arc::new(broker.clone()));
    Ok(Applied::Done)
}

pub(super) fn register_member(image: &mut Image, broker: &Broker, address: &str) -> Outcome {
    let outcome = register(image, broker)?;
    image.members.change(broker.id, |member| {
        member.address = address.to_owned();
        member.is_fenced = false;
    });
    Ok(outcome)
}

pub(super) fn fence(
    image: &mut Image,
    broker: BrokerId,
    incarnation: Incarnation,
    is_fenced: bool,
) -> Outcome {
    check_incarnation(image, broker, incarnation)?;
    image.members.change(broker, |member| member.is_fenced = is_fenced);
    Ok(Applied::Done)
}

/// Its shards are without a living owner then, and get others.
pub(super) fn unregister(image: &mut Image, broker: BrokerId, incarnation: Incarnation) -> Outcome {
    check_incarnation(image, broker, incarnation)?;
    image.brokers.remove_mut(&broker);
    match image.finalized_level() >= Some(OF_ENDED_LIVES) {
        true => image.members.end(broker, incarnation),
        false => image.members.remove(broker),
    }
    image.configs.declared.remove(broker);
    Ok(Applied::Done)
}

/// Shards only grow in number: data of one that went would have nowhere to go.
pub(super) fn add_shards(image: &mut Image, shards: u32) -> Outcome {
    let current = image.shards.size() as u32;
    if !image.is_formed() {
        return Err(Refused::NotFormed);
    }
    if shards < current {
        return Err(Refused::InvalidShards(format!(
            "the cluster has {current} shards, and their number is never lowered: what is on them stays there"
        )));
    }
    if shards > MOST_SHARDS {
        return Err(Refused::InvalidShards(format!("a cluster has {MOST_SHARDS} shards at most")));
    }
    for shard in current..shards {
        image.shards.insert_mut(ShardId(shard), Shard { owner: None, epoch: LeaderEpoch(-1) });
    }
    Ok(Applied::Done)
}

pub(super) fn declare(
    image: &mut Image,
    broker: BrokerId,
    incarnation: Incarnation,
    settings: &Arc<BTreeMap<String, String>>,
) -> Outcome {
    check_incarnation(image, broker, incarnation)?;
    image.configs.declared.set(broker, settings);
    Ok(Applied::Done)
}

pub(super) fn move_shard(
    image: &mut Image,
    shard: ShardId,
    owner: Option<Owner>,
    replaces: LeaderEpoch,
) -> Outcome {
    match image.shard(shard) {
        Some(Shard { epoch, .. }) if epoch != replaces => Err(Refused::Reassigned { shard, current: epoch }),
        _ => assign(image, shard, owner),
    }
}

/// Every assignment takes an epoch of its own, so a partition's leader epoch only grows, whatever shard it is in.
pub(super) fn assign(image: &mut Image, shard: ShardId, owner: Option<Owner>) -> Outcome {
    if image.shard(shard).is_none() {
        return Err(Refused::UnknownShard(shard));
    }
    if let Some(owner) = owner {
        check_incarnation(image, owner.broker, owner.incarnation)?;
    }
    let epoch = LeaderEpoch(image.counters.next_leader_epoch);
    image.counters.next_leader_epoch =
        image.counters.next_leader_epoch.checked_add(1).ok_or(Refused::Exhausted)?;
    image.shards.insert_mut(shard, Shard { owner, epoch });
    Ok(Applied::Assigned { epoch })
}

pub(super) fn allocate_producer_ids(
    image: &mut Image,
    broker: BrokerId,
    incarnation: Incarnation,
) -> Outcome {
    check_incarnation(image, broker, incarnation)?;
    let first = image.counters.next_producer_id;
    image.counters.next_producer_id =
        first.checked_add(i64::from(PRODUCER_ID_BLOCK)).ok_or(Refused::Exhausted)?;
    Ok(Applied::ProducerIds { first: ProducerId(first), count: PRODUCER_ID_BLOCK })
}

pub(super) fn begin_life(image: &mut Image, nonce: u128, after: Option<u64>) -> Outcome {
    image.history.begin(Life { nonce, after: after.unwrap_or(image.index) });
    Ok(Applied::Done)
}

pub(super) fn accept_past(image: &mut Image, nonces: &[u128], index: u64) -> Outcome {
    image.history.accept(nonces, index);
    Ok(Applied::Done)
}

pub(super) fn raise_counters(image: &mut Image, next_leader_epoch: i32, next_producer_id: i64) -> Outcome {
    let counters = &mut image.counters;
    counters.next_leader_epoch = counters.next_leader_epoch.max(next_leader_epoch);
    counters.next_producer_id = counters.next_producer_id.max(next_producer_id);
    Ok(Applied::Done)
}

pub(super) fn shard_opened(image: &mut Image, shard: ShardId, epoch: WriterEpoch) -> Outcome {
    if image.shard(shard).is_none() {
        return Err(Refused::UnknownShard(shard));
    }
    image.history.opened(shard, epoch);
    Ok(Applied::Done)
}

/// Every change counts, so clients can tell newer levels from older ones (KIP-584).
pub(super) fn set_feature(image: &mut Image, name: &str, level: i16, checks: Checks) -> Outcome {
    if checks == Checks::Admission {
        check_feature(name, level)?;
    }
    let current = image.features.levels.get(name).copied().unwrap_or(0);
    if current == level {
        return Ok(Applied::Done);
    }
    if level == 0 {
        image.features.levels.remove(name);
    } else {
        image.features.levels.insert(name.to_owned(), level);
    }
    image.features.epoch += 1;
    Ok(Applied::Done)
}

pub(super) fn raise_level(image: &mut Image, level: u16, checks: Checks) -> Outcome {
    if checks == Checks::Admission
        && let Some(old) = image.brokers.values().find(|broker| broker.command_version < level)
    {
        return Err(Refused::InvalidFeature(format!(
            "Invalid update version {level} for feature {LEVEL}. Broker {} only supports versions 1-{}.",
            old.id, old.command_version
        )));
    }
    if image.finalized_level().is_some_and(|now| now >= level) {
        return Ok(Applied::Done);
    }
    set_feature(image, LEVEL, i16::try_from(level).unwrap_or(i16::MAX), Checks::Replay)
}

fn check_feature(name: &str, level: i16) -> Result<(), Refused> {
    let Some(feature) = features::lookup(name) else {
        return Err(Refused::InvalidFeature(format!("The feature {name} is not supported by this cluster.")));
    };
    if level != 0 && !(feature.min..=feature.max).contains(&level) {
        return Err(Refused::InvalidFeature(format!(
            "Level {level} of feature {name} is not supported: it must be between {} and {}.",
            feature.min, feature.max
        )));
    }
    if name == LEVEL {
        return Err(Refused::InvalidFeature(format!("Feature {name} has a command of its own.")));
    }
    Ok(())
}

fn check_incarnation(image: &Image, id: BrokerId, given: Incarnation) -> Result<(), Refused> {
    match image.broker(id) {
        Some(broker) if broker.incarnation == given => Ok(()),
        Some(broker) if broker.incarnation > given => Err(stale(broker, given)),
        _ => Err(Refused::UnknownBroker(id)),
    }
}

fn stale(known: &Broker, given: Incarnation) -> Refused {
    Refused::StaleIncarnation { broker: known.id, given, current: known.incarnation }
}
