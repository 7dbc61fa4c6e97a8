//! An acknowledged change of the metadata is seen by every later sync at any broker, and numbered proposals are done once.

use std::collections::{BTreeMap, BTreeSet};

use kafkaesque::metadata::{Applied, Command, Image};
use kafkaesque::protocol::messages::{create_topics, delete_topics};

use super::process::Process;
use super::world::{Phase, World};
use crate::truth::{Check, Violation};

/// As many producer ids as one proposal takes.
const BLOCK: i64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    There,
    Gone,
    /// Somebody is changing that, or nobody knows.
    Open,
}

#[derive(Default)]
pub struct Changes {
    topics: BTreeMap<String, Known>,
    /// Blocks of producer ids that were given out, by their first.
    blocks: BTreeSet<i64>,
    /// Proposals for a block without an outcome.
    unknown: i64,
    pub acked: usize,
}

impl Changes {
    fn settled(&self) -> BTreeMap<String, Known> {
        let settled = self.topics.iter().filter(|(_, known)| **known != Known::Open);
        settled.map(|(name, known)| (name.clone(), *known)).collect()
    }

    fn given(&mut self, first: i64) -> Check {
        self.acked += 1;
        match self.blocks.insert(first) {
            true => Ok(()),
            false => Err(Violation::Promise(format!("producer ids from {first} on were given out twice"))),
        }
    }

    /// The counter, when everything is over.
    pub fn counted(&self, image: &Image) -> Check {
        let taken = image.counters.next_producer_id / BLOCK;
        let given = self.blocks.len() as i64;
        match taken >= given && taken <= given + self.unknown {
            true => Ok(()),
            false => Err(Violation::Promise(format!(
                "{taken} blocks of producer ids are taken, but {given} were given out, and {} perhaps",
                self.unknown
            ))),
        }
    }
}

fn check(before: &BTreeMap<String, Known>, image: &Image, broker: &Process) -> Check {
    for (name, known) in before {
        let is_there = image.topic_by_name(name).is_some();
        if is_there != (*known == Known::There) {
            let problem = format!("{name} is {known:?}, but not after a sync of broker {}", broker.id);
            return Err(Violation::Promise(problem));
        }
    }
    Ok(())
}

/// Creates topics and deletes them, takes producer ids, and looks what other brokers see of it.
pub async fn administer(world: World, who: u64) {
    let mut next = 0;
    while world.phase() == Phase::Working {
        world.sleep_ms(world.below(400)).await;
        let Some(process) = world.somebody() else { continue };
        match world.below(4) {
            0 => {
                next += 1;
                create(&world, &process, format!("topic-{who}-{next}")).await;
            }
            1 => delete(&world, &process, who).await,
            2 => take_block(&world, &process).await,
            _ => look(&world, &process).await,
        }
    }
}

async fn look(world: &World, process: &Process) {
    let before = world.told(|told| told.changes.settled());
    // Those that somebody changes meanwhile are not judged.
    let Some(Ok(image)) = world.while_running(process, process.metadata.sync()).await else { return };
    let after = world.told(|told| told.changes.settled());
    let before = before.into_iter().filter(|(name, known)| after.get(name) == Some(known)).collect();
    world.judge(check(&before, &image, process));
}

async fn create(world: &World, process: &Process, name: String) {
    world.told(|told| told.changes.topics.insert(name.clone(), Known::Open));
    let topic = create_topics::CreatableTopic {
        name: name.clone(),
        num_partitions: 1,
        replication_factor: -1,
        ..Default::default()
    };
    let request = create_topics::Request { topics: vec![topic], ..Default::default() };
    let Some(answer) = world.ask(process, request, 7).await else { return };
    if answer.topics[0].error_code == 0 {
        world.note(format!("{name} is there, says {}", process.id));
        world.told(|told| {
            told.changes.acked += 1;
            told.changes.topics.insert(name, Known::There);
        });
    }
}

async fn delete(world: &World, process: &Process, who: u64) {
    let mine = format!("topic-{who}-");
    let there = world.told(|told| {
        let settled = told.changes.settled();
        settled.into_iter().find(|(name, known)| *known == Known::There && name.starts_with(&mine))
    });
    let Some((name, _)) = there else { return };
    world.told(|told| told.changes.topics.insert(name.clone(), Known::Open));
    let request = delete_topics::Request { topic_names: vec![name.clone()], ..Default::default() };
    let Some(answer) = world.ask(process, request, 5).await else { return };
    match answer.responses[0].error_code {
        0 => {
            world.note(format!("{name} is gone, says {}", process.id));
            world.told(|told| told.changes.topics.insert(name, Known::Gone));
        }
        // It was acknowledged before: every broker knows it.
        3 => world.judge(Err(Violation::Promise(format!("{name} is not known to {}", process.id)))),
        _ => {}
    }
}

async fn take_block(world: &World, process: &Process) {
    let command =
        Command::AllocateProducerIds { broker: process.id, incarnation: process.metadata.incarnation() };
    world.told(|told| told.changes.unknown += 1);
    let proposed = world.while_running(process, process.metadata.propose(command)).await;
    let check = world.told(|told| match proposed {
        Some(Ok(Ok(Applied::ProducerIds { first, .. }))) => {
            told.changes.unknown -= 1;
            told.changes.given(first.0)
        }
        // Refused for good.
        Some(Ok(_)) => {
            told.changes.unknown -= 1;
            Ok(())
        }
        Some(Err(_)) | None => Ok(()),
    });
    world.judge(check);
}
