//! Shards are added and never fewer, each gets an owner, and what is on one of them stays there: partitions and slots.

use std::collections::BTreeMap;

use kafkaesque::metadata::{Command, Image, Shard};
use kafkaesque::types::{Partition, ShardId};

use super::process::Process;
use super::world::{Phase, World};
use crate::truth::{Check, Violation};

const MOST_SHARDS: u32 = 8;
/// Within this time every shard is served once all is well.
const LIMIT_MS: u64 = 20_000;

#[derive(Default)]
pub struct Shards {
    /// The number that was acknowledged.
    acked: u32,
    partitions: BTreeMap<Partition, ShardId>,
    slots: Vec<ShardId>,
}

impl Shards {
    /// An image that some process has.
    fn seen(&mut self, image: &Image) -> Check {
        if !image.is_formed() {
            return Ok(());
        }
        if self.slots.is_empty() {
            self.slots = image.slots.to_vec();
        }
        if *self.slots != *image.slots {
            return Err(Violation::Promise("a slot of groups is on another shard".to_owned()));
        }
        for (partition, shard) in image.topics.iter().flat_map(|topic| topic.partitions()) {
            let known = *self.partitions.entry(partition).or_insert(shard);
            if known != shard {
                let problem = format!("{partition} was on shard {known} and is on {shard}");
                return Err(Violation::Promise(problem));
            }
        }
        Ok(())
    }
}

/// `acked` were there before that image.
fn has_kept(acked: u32, image: &Image) -> Check {
    let now = image.shards.size() as u32;
    if now < acked {
        return Err(Violation::Promise(format!("there were {acked} shards, and {now} after a sync")));
    }
    Ok(())
}

/// Looks at every image that a broker has.
pub async fn watch(world: World, process: Process) {
    process.each_image(|image| world.judge(world.told(|told| told.shards.seen(image)))).await;
}

/// Adds a shard now and then, and looks whether those that were added are there.
pub async fn add(world: World) {
    while world.phase() == Phase::Working {
        world.sleep_ms(1_000 + world.below(5_000)).await;
        let Some(process) = world.somebody() else { continue };
        let acked = world.told(|told| told.shards.acked);
        let Some(Ok(image)) = world.while_running(&process, process.metadata.sync()).await else { continue };
        world.judge(has_kept(acked, &image));
        let more = image.shards.size() as u32 + 1;
        if more <= MOST_SHARDS {
            raise(&world, &process, more).await;
        }
    }
}

async fn raise(world: &World, process: &Process, shards: u32) {
    let proposed = process.metadata.propose(Command::AddShards { shards });
    if let Some(Ok(Ok(_))) = world.while_running(process, proposed).await {
        world.note(format!("there are {shards} shards, says {}", process.id));
        world.told(|told| told.shards.acked = told.shards.acked.max(shards));
    }
}

/// When everything is over, each shard is served.
pub async fn look(world: &World) -> Check {
    let mut waited = 0;
    loop {
        let Some(image) = world.newest_image() else {
            return Err(Violation::Stuck("nobody has an image".to_owned()));
        };
        let is_served = |(id, shard): (&ShardId, &Shard)| {
            let owner = shard.owner.and_then(|owner| world.process(owner.broker.0));
            owner.is_some_and(|process| process.shards.shard(*id, shard.epoch).is_some())
        };
        let unserved = image.shards.iter().find(|shard| !is_served(*shard)).map(|(id, _)| *id);
        let Some(unserved) = unserved else {
            return has_kept(world.told(|told| told.shards.acked), &image);
        };
        if waited > LIMIT_MS {
            return Err(Violation::Stuck(format!("nobody serves shard {unserved}")));
        }
        waited += 100;
        world.sleep_ms(100).await;
    }
}
