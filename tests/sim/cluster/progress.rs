//! Once everything has healed, everything goes on within half a minute.

use super::clients::PARTITIONS;
use super::world::World;
use crate::truth::{Check, Violation};

const LIMIT_MS: i64 = 30_000;

/// Waits until every partition has taken something new, a change of the metadata was made, and a group has committed.
pub async fn resume(world: &World) -> Check {
    let begun = world.runtime().clock.now_ms();
    let before = world.told(|told| (told.records.acked_of.clone(), told.changes.acked, told.offsets.acked));
    loop {
        world.sleep_ms(50).await;
        let stuck = world.told(|told| {
            let taken = |partition: &i32| told.records.acked_of.get(partition) > before.0.get(partition);
            let mut stuck: Vec<String> = (0..PARTITIONS)
                .filter(|partition| !taken(partition))
                .map(|partition| format!("partition {partition}"))
                .collect();
            if told.changes.acked == before.1 {
                stuck.push("the metadata".to_owned());
            }
            if told.offsets.acked == before.2 {
                stuck.push("groups".to_owned());
            }
            stuck
        });
        let passed = world.runtime().clock.now_ms() - begun;
        if stuck.is_empty() {
            world.note(format!("goes on after {passed} ms"));
            return Ok(());
        }
        if passed > LIMIT_MS {
            return Err(Violation::Stuck(format!("nothing new in {}", stuck.join(", "))));
        }
    }
}
