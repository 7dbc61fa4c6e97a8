//! Brokers come and go: majorities of voters before and after a change have somebody in common, an id's incarnations rise, and a
//! broker that was removed serves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafkaesque::cluster::{Removal, Removed, Stuck};
use kafkaesque::metadata::{Image, Metadata, VoterLists};
use kafkaesque::types::{BrokerId, Incarnation};

use super::host::Host;
use super::process::Process;
use super::world::{Phase, World};
use crate::truth::{Check, Violation};

/// Steps of a removal that are asked for until it is given up.
const ATTEMPTS: u32 = 40;

type Lists = Vec<BTreeSet<BrokerId>>;

#[derive(Default)]
pub struct Members {
    /// By term and index: who votes from that entry on.
    voters: BTreeMap<(u64, u64), Lists>,
    /// The newest process of every id.
    started: BTreeMap<BrokerId, Incarnation>,
    /// Lives that the metadata knows no more, and the entry that ended them.
    removed: BTreeMap<(BrokerId, Incarnation), u64>,
    pub changes: usize,
}

impl Members {
    /// A process has joined.
    pub fn started(&mut self, id: BrokerId, incarnation: Incarnation) -> Check {
        match self.started.insert(id, incarnation) {
            Some(before) if before >= incarnation => {
                Err(Violation::Promise(format!("broker {id} is there as {incarnation}, after {before}")))
            }
            _ => Ok(()),
        }
    }

    /// Somebody goes by these voters.
    fn vote(&mut self, voters: VoterLists) -> Check {
        let Some(since) = voters.since.map(|at| (at.term, at.index)) else { return Ok(()) };
        let known = self.voters.entry(since).or_insert_with(|| voters.lists.clone());
        if *known != voters.lists {
            let problem = format!("the voters since {since:?} are {known:?}, and {:?}", voters.lists);
            return Err(Violation::Promise(problem));
        }
        let before =
            self.voters.range(..since).next_back().filter(|(_, lists)| can_part(lists, &voters.lists));
        let after = self.voters.range(since..).nth(1).filter(|(_, lists)| can_part(&voters.lists, lists));
        match before.or(after) {
            None => Ok(()),
            Some((other, lists)) => Err(Violation::Promise(format!(
                "{:?} vote since {since:?}, and {lists:?} since {other:?}: majorities of both may have nobody in common",
                voters.lists
            ))),
        }
    }

    /// A broker's image has changed. The lives that are removed, if nobody knew.
    fn changed(&mut self, before: &Image, after: &Image) -> Result<Vec<BrokerId>, Violation> {
        let mut gone = Vec::new();
        for (id, broker) in before.brokers.iter() {
            let now = after.broker(*id).map(|broker| broker.incarnation);
            if now.is_some_and(|now| now < broker.incarnation) {
                let problem =
                    format!("broker {id} was registered as {}, and is as {now:?}", broker.incarnation);
                return Err(Violation::Promise(problem));
            }
            // Of an image that has skipped some, who is there again may have been away.
            if now.is_none() && self.removed.insert((*id, broker.incarnation), after.index).is_none() {
                gone.push(*id);
            }
        }
        for (id, broker) in after.brokers.iter().filter(|(id, _)| before.broker(**id).is_none()) {
            let mut ended = self.removed.range((*id, broker.incarnation)..=(*id, Incarnation(u64::MAX)));
            if let Some(((_, ended), _)) = ended.rfind(|(_, index)| **index < after.index) {
                let problem =
                    format!("broker {id} was removed as {ended}, and is there as {}", broker.incarnation);
                return Err(Violation::Promise(problem));
            }
        }
        self.changes += gone.len();
        Ok(gone)
    }

    fn is_removed(&self, process: &Process) -> bool {
        self.removed.contains_key(&(process.id, process.metadata.incarnation()))
    }
}

/// True if some agree by the first lists while all others agree by the second.
fn can_part(one: &Lists, other: &Lists) -> bool {
    let all: Vec<BrokerId> =
        one.iter().chain(other).flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let agree = |lists: &Lists, chosen: &dyn Fn(&BrokerId) -> bool| {
        lists.iter().all(|list| list.iter().filter(|id| chosen(id)).count() > list.len() / 2)
    };
    (0..1_u32 << all.len()).any(|chosen| {
        let is_chosen =
            |id: &BrokerId| all.iter().position(|other| other == id).is_some_and(|at| chosen >> at & 1 == 1);
        agree(one, &is_chosen) && agree(other, &|id| !is_chosen(id))
    })
}

/// Looks at all voters that a process goes by, from before it has joined.
pub async fn watch_voters(world: World, host: Host, metadata: Metadata) {
    while !host.condition.is_gone() {
        let voters = metadata.voter_lists();
        world.note(format!("{} goes by {:?} since {:?}", host.id, voters.lists, voters.since));
        let check = world.told(|told| told.members.vote(voters));
        world.judge(check);
        metadata.voters_change().await;
    }
}

/// Looks at all brokers that a broker knows of. A broker that knows itself no more ends.
pub async fn watch_brokers(world: World, process: Process) {
    let mut images = process.metadata.subscribe();
    let mut known: Arc<Image> = images.borrow_and_update().clone();
    while images.changed().await.is_ok() && !process.condition.is_gone() {
        let image = images.borrow_and_update().clone();
        match world.told(|told| told.members.changed(&known, &image)) {
            Ok(gone) => gone.into_iter().for_each(|id| world.removed(id)),
            Err(violation) => world.judge(Err(violation)),
        }
        if image.broker(process.id).is_none() {
            world.note(format!("{} knows that it is removed", process.id));
            process.runtime.shutdown.request();
            return;
        }
        known = image;
    }
}

/// Has a broker removed for good, as an operator does.
pub async fn remove(world: World, who: i32, drains: bool) {
    let removal = Removal { broker: BrokerId(who), drains };
    world.note(format!("{who} is to be removed, and drains: {drains}"));
    for _ in 0..ATTEMPTS {
        world.sleep_ms(250).await;
        if world.phase() != Phase::Working {
            return;
        }
        let Some(process) = world.somebody() else { continue };
        match world.while_running(&process, process.departures.remove(removal)).await {
            Some(Ok(Removed::Done)) => return world.note(format!("{who} has gone for good")),
            Some(Ok(Removed::Draining { .. }) | Err(Stuck::Later(_))) | None => {}
            Some(Err(refused)) => return world.note(format!("{who} is not removed: {refused}")),
        }
    }
}

/// When everything is over: no shard is of a broker that is not there, and processes that were removed serve none.
pub fn look(world: &World) -> Check {
    let Some(image) = world.newest_image() else {
        return Err(Violation::Stuck("nobody has an image".to_owned()));
    };
    for (id, shard) in image.shards.iter() {
        let owner = shard.owner.filter(|owner| !image.counts_on(*owner));
        if let Some(owner) = owner {
            return Err(Violation::Promise(format!("shard {id} is still of broker {}", owner.broker)));
        }
        for process in world.everybody().into_iter().filter_map(|id| world.process(id)) {
            let is_removed = world.told(|told| told.members.is_removed(&process));
            if is_removed && process.shards.shard(*id, shard.epoch).is_some() {
                let problem = format!("broker {} was removed, and serves shard {id}", process.id);
                return Err(Violation::Promise(problem));
            }
        }
    }
    Ok(())
}
