//! A proof of ownership that is too old gives no answer: where a partition ends is never less than what was acknowledged, by
//! whoever, before that was asked.

use kafkaesque::protocol::messages::list_offsets;

use super::clients::{PARTITIONS, TOPIC};
use super::process::Process;
use super::world::{Phase, World};
use crate::truth::Violation;

const VERSION: i16 = 6;
const LATEST: i64 = -1;

/// Asks all brokers, leaders or not, where partitions end.
pub async fn ask_for_ends(world: World) {
    while world.phase() == Phase::Working {
        world.sleep_ms(world.below(80)).await;
        let partition = world.below(PARTITIONS as u64) as i32;
        for process in world.everybody().into_iter().filter_map(|id| world.process(id)) {
            // A broker that stands still keeps nobody from asking the others.
            let asking = world.clone();
            world.spawn(async move { ask(&asking, &process, partition).await });
        }
    }
}

async fn ask(world: &World, process: &Process, partition: i32) {
    let end = world.told(|told| told.records.end(partition));
    let asked = list_offsets::ListOffsetsPartition {
        partition_index: partition,
        current_leader_epoch: -1,
        timestamp: LATEST,
    };
    let topic = list_offsets::ListOffsetsTopic { name: TOPIC.to_owned(), partitions: vec![asked] };
    let request = list_offsets::Request { replica_id: -1, topics: vec![topic], ..Default::default() };
    let Some(answer) = world.ask(process, request, VERSION).await else { return };
    let answer = &answer.topics[0].partitions[0];
    if answer.error_code == 0 && answer.offset < end {
        let problem = format!(
            "broker {} says that partition {partition} ends at {} in epoch {}, but {end} was acknowledged before",
            process.id, answer.offset, answer.leader_epoch
        );
        world.judge(Err(Violation::Promise(problem)));
    }
}
