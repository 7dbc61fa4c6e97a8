//! Programs of two levels in one cluster: its level rises only when all its brokers know it, never falls, and nothing above it is done
//! before.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafkaesque::metadata::{Command, Image};

use super::process::Process;
use super::world::World;
use crate::truth::{Check, Violation};

/// The newest level.
pub const NEW: u16 = Command::LATEST;
/// Programs of this one know of no levels.
pub const OLD: u16 = 5;
/// Within this time the level rises once all are new.
const LIMIT_MS: u64 = 20_000;

/// The programs that brokers are, from their next start on.
#[derive(Default)]
pub struct Levels {
    of: BTreeMap<i32, u16>,
    /// The newest level that a cluster's image has had.
    risen: Option<u16>,
    pub rises: usize,
}

impl Levels {
    pub fn of(&self, broker: i32) -> u16 {
        self.of.get(&broker).copied().unwrap_or(NEW)
    }

    pub fn set(&mut self, broker: i32, level: u16) {
        self.of.insert(broker, level);
    }

    /// An image that a process of `level` has.
    fn seen(&mut self, image: &Image, level: u16) -> Check {
        let finalized = image.finalized_level();
        let lowest = image.brokers.values().map(|broker| broker.command_version).min();
        let wrong = |problem: String| Err(Violation::Promise(problem));
        if let (Some(finalized), Some(lowest)) = (finalized, lowest)
            && finalized > lowest
        {
            return wrong(format!("the cluster is at level {finalized}, and a broker knows {lowest}"));
        }
        if finalized.is_some_and(|finalized| finalized > level) {
            return wrong(format!("a process of level {level} is in a cluster of {finalized:?}"));
        }
        if finalized.is_none() && image.brokers.keys().any(|id| image.configs.declared.of(*id).is_some()) {
            return wrong("settings were declared before the cluster had a level".to_owned());
        }
        if finalized > self.risen {
            self.risen = finalized;
            self.rises += 1;
        }
        Ok(())
    }
}

/// Looks at the level in every image that a broker has.
pub async fn watch(world: World, process: Process) {
    let mut known: Option<Arc<Image>> = None;
    let look = |image: &Arc<Image>| {
        let check = match known.as_ref().map(|known| known.finalized_level()) {
            Some(before) if before > image.finalized_level() => Err(Violation::Promise(format!(
                "the level of the cluster was {before:?} and is {:?}",
                image.finalized_level()
            ))),
            _ => world.told(|told| told.levels.seen(image, process.level)),
        };
        world.judge(check);
        known = Some(Arc::clone(image));
    };
    process.each_image(look).await;
}

/// Replaces the older programs that are left, one after the other.
pub async fn upgrade_all(world: &World) {
    for id in world.brokers() {
        if world.told(|told| told.levels.of(id)) != NEW {
            world.told(|told| told.levels.set(id, NEW));
            world.leave(id);
            world.sleep_ms(2_000).await;
        }
    }
}

/// When everything is over and all programs are new, the cluster is at their level.
pub async fn look(world: &World) -> Check {
    let brokers = world.brokers();
    if !world.told(|told| brokers.iter().all(|id| told.levels.of(*id) == NEW)) {
        return Ok(());
    }
    let mut waited = 0;
    while world.newest_image().is_none_or(|image| image.finalized_level() != Some(NEW)) {
        if waited > LIMIT_MS {
            return Err(Violation::Stuck("the level of the cluster does not rise".to_owned()));
        }
        waited += 100;
        world.sleep_ms(100).await;
    }
    Ok(())
}
