//! A shard has one owner at a time: it is taken from a broker that has released it, or that the metadata counts on no more.

use std::sync::Arc;

use kafkaesque::metadata::Image;

use super::process::Process;
use super::world::World;
use crate::truth::Violation;

/// Looks at every image that a broker has, as long as the broker is there.
pub async fn watch(world: World, process: Process) {
    let mut images = process.metadata.subscribe();
    let mut known = images.borrow_and_update().clone();
    while images.changed().await.is_ok() && !process.condition.is_gone() {
        let image = images.borrow_and_update().clone();
        // In between, more may have happened than both show.
        if image.index == known.index + 1 {
            compare(&world, &known, &image);
        }
        known = image;
    }
}

fn compare(world: &World, before: &Arc<Image>, after: &Arc<Image>) {
    for (id, shard) in after.shards.iter() {
        let Some(was) = before.shard(*id).filter(|was| was.epoch != shard.epoch) else { continue };
        let Some(owner) = was.owner.filter(|owner| after.counts_on(*owner)) else { continue };
        let serves = world
            .process(owner.broker.0)
            .filter(|process| process.metadata.owner() == owner)
            .is_some_and(|process| process.shards.shard(*id, was.epoch).is_some());
        if serves {
            let problem = format!(
                "shard {id} was taken from broker {} in epoch {}, which serves it and is counted on",
                owner.broker, was.epoch
            );
            world.judge(Err(Violation::Promise(problem)));
        }
    }
}

/// Notes who has which shard, as each broker sees it.
pub fn tell(world: &World) {
    for process in world.everybody().into_iter().filter_map(|id| world.process(id)) {
        let (id, image, metadata) = (process.id, process.metadata.image(), &process.metadata);
        world.note(format!(
            "{id} as {}, leads: {}, knows {}",
            metadata.incarnation(),
            metadata.leads(),
            image.index
        ));
        world.note(format!("{id} has {:?}", process.shards.states()));
        for (shard, owned) in image.shards.iter() {
            world.note(format!("{id} sees shard {shard} at {:?} in {}", owned.owner, owned.epoch));
        }
    }
}
