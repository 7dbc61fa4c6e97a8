//! An offset that a group has committed is what its coordinator tells, whoever that is.

use std::collections::BTreeMap;

use kafkaesque::protocol::messages::{offset_commit, offset_fetch};

use super::clients::{TOPIC, is_retriable};
use super::process::Process;
use super::world::{Phase, World};
use crate::truth::Violation;

#[derive(Default)]
pub struct Offsets {
    /// By group.
    committed: BTreeMap<String, i64>,
    pub acked: usize,
}

/// A group's commit of an offset, by nobody's name.
pub fn committing(group: &str, partition: i32, offset: i64) -> offset_commit::Request {
    let partition = offset_commit::OffsetCommitRequestPartition {
        partition_index: partition,
        committed_offset: offset,
        committed_leader_epoch: -1,
        committed_metadata: None,
    };
    let topic = offset_commit::OffsetCommitRequestTopic {
        name: TOPIC.to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    offset_commit::Request { group_id: group.to_owned(), topics: vec![topic], ..Default::default() }
}

/// Commits growing offsets of a group of its own, and asks for them. After a commit without an answer it is another group: what
/// was given up may come later.
pub async fn commit(world: World, who: u64) {
    let mut life = 0;
    let mut next = 0;
    while world.phase() == Phase::Working {
        world.sleep_ms(world.below(250)).await;
        let Some(process) = world.somebody() else { continue };
        let group = format!("group-{who}-{life}");
        if world.below(2) == 0 {
            let asking = world.clone();
            world.spawn(async move { fetch(&asking, &process, &group).await });
            continue;
        }
        if world.is_shunned(process.id) {
            continue;
        }
        next += 1;
        let Some(answer) = world.ask(&process, committing(&group, 0, next), 8).await else {
            life += 1;
            continue;
        };
        let code = answer.topics[0].partitions[0].error_code;
        if code == 0 {
            world.note(format!("{group} committed {next} at {}", process.id));
            world.told(|told| {
                told.offsets.acked += 1;
                told.offsets.committed.insert(group.clone(), next);
            });
        } else if !is_retriable(code) {
            world.judge(Err(Violation::Promise(format!(
                "{group} could not commit at {}: {code}",
                process.id
            ))));
        }
    }
}

async fn fetch(world: &World, process: &Process, group: &str) {
    let committed = world.told(|told| told.offsets.committed.get(group).copied());
    let topic = offset_fetch::OffsetFetchRequestTopic { name: TOPIC.to_owned(), partition_indexes: vec![0] };
    let request =
        offset_fetch::Request { group_id: group.to_owned(), topics: Some(vec![topic]), ..Default::default() };
    let Some(answer) = world.ask(process, request, 7).await else { return };
    let Some(found) = answer.topics.first().and_then(|topic| topic.partitions.first()) else { return };
    let is_answer = answer.error_code == 0 && found.error_code == 0;
    if is_answer && committed.is_some_and(|committed| found.committed_offset < committed) {
        let problem = format!(
            "broker {} says that {group} is at {}, but it committed {committed:?} before",
            process.id, found.committed_offset
        );
        world.judge(Err(Violation::Promise(problem)));
    }
}
