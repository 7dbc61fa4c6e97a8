//! A proof of ownership that is too old gives no answer: where a partition starts and ends is never less than what was acknowledged,
//! by whoever, before that was asked.

use kafkaesque::protocol::messages::list_offsets;

use super::clients::{PARTITIONS, TOPIC};
use super::process::Process;
use super::world::{Phase, World};
use crate::truth::Violation;

const VERSION: i16 = 6;
const LATEST: i64 = -1;
pub const EARLIEST: i64 = -2;

/// Asks all brokers, leaders or not, where partitions end and start.
pub async fn ask_for_ends(world: World) {
    while world.phase() == Phase::Working {
        world.sleep_ms(world.below(80)).await;
        let partition = world.below(PARTITIONS as u64) as i32;
        for process in world.everybody().into_iter().filter_map(|id| world.process(id)) {
            // A broker that stands still keeps nobody from asking the others.
            let asking = world.clone();
            let which = if world.below(4) == 0 { EARLIEST } else { LATEST };
            world.spawn(async move {
                ask(&asking, &process, partition, which).await;
            });
        }
    }
}

/// One end of a partition, if the broker tells.
pub async fn ask(world: &World, process: &Process, partition: i32, which: i64) -> Option<i64> {
    let (start, end) = world.told(|told| (told.starts.least(partition), told.records.end(partition)));
    let asked = list_offsets::ListOffsetsPartition {
        partition_index: partition,
        current_leader_epoch: -1,
        timestamp: which,
    };
    let topic = list_offsets::ListOffsetsTopic { name: TOPIC.to_owned(), partitions: vec![asked] };
    let request = list_offsets::Request { replica_id: -1, topics: vec![topic], ..Default::default() };
    let answer = world.ask(process, request, VERSION).await?.topics.remove(0).partitions.remove(0);
    if answer.error_code != 0 {
        return None;
    }
    if which == EARLIEST {
        let now_ms = world.now_ms();
        let check = world.told(|told| told.starts.starts_at(partition, answer.offset, start, now_ms));
        world.judge(check);
    } else if answer.offset < end {
        let problem = format!(
            "broker {} says that partition {partition} ends at {} in epoch {}, but {end} was acknowledged before",
            process.id, answer.offset, answer.leader_epoch
        );
        world.judge(Err(Violation::Promise(problem)));
    }
    Some(answer.offset)
}
