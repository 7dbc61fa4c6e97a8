//! What the log holds in the end, against what was acknowledged.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::load::{self, Load};

const PATIENCE: Duration = Duration::from_secs(120);

/// Every record that was sent is there once, in order, and where its acknowledgement says. Returns what is not so.
pub fn all_there(bootstrap: &str, load: &Load, sent: u64) -> Vec<String> {
    let mut found = read_all(bootstrap, load.topic(), load.partitions());
    if load.has_begun_anew() {
        let again =
            found.iter_mut().zip(0..).map(|(found, partition)| last_of_each(found, &load.acks(partition)));
        println!("the producer began a new epoch, and sent {} records again", again.sum::<usize>());
    }
    let mut problems = Vec::new();
    let mut total = 0;
    for (partition, found) in found.iter().enumerate() {
        let mut acks = load.acks(partition);
        acks.sort_unstable();
        total += found.len() as u64;
        if let Some(pair) = found.windows(2).find(|pair| pair[0].1 >= pair[1].1) {
            problems.push(format!("partition {partition}: {:?} comes before {:?}", pair[0], pair[1]));
        }
        if *found != acks {
            let differ = found.iter().zip(&acks).find(|(found, acked)| found != acked);
            let (found, acked) = (found.len(), acks.len());
            problems.push(format!("partition {partition}: {found} of {acked} found, first {differ:?}"));
        }
    }
    if total != sent {
        problems.push(format!("{total} records of {sent} are there"));
    }
    problems
}

/// Leaves of each record that was sent again where it was acknowledged, if it is there. Returns how many are left out.
fn last_of_each(found: &mut Vec<(i64, u64)>, acks: &[(i64, u64)]) -> usize {
    let acked: BTreeSet<(i64, u64)> = acks.iter().copied().collect();
    let there: BTreeSet<u64> =
        found.iter().filter(|place| acked.contains(place)).map(|(_, number)| *number).collect();
    let before = found.len();
    found.retain(|place| acked.contains(place) || !there.contains(&place.1));
    before - found.len()
}

/// Offsets and numbers of all records of a topic, by partition.
pub fn read_all(bootstrap: &str, topic: &str, partitions: usize) -> Vec<Vec<(i64, u64)>> {
    let mut config = load::client(bootstrap);
    config.set("group.id", "unused").set("enable.auto.commit", "false").set("check.crcs", "true");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    let mut ends = Vec::new();
    for partition in 0..partitions as i32 {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).expect("a valid offset");
        ends.push(load::end(&consumer, topic, partition));
    }
    consumer.assign(&assignment).expect("an assignment");
    let mut found = vec![Vec::new(); ends.len()];
    let mut missing: i64 = ends.iter().sum();
    let begun = Instant::now();
    while missing > 0 && begun.elapsed() < PATIENCE {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        missing -= 1;
        let number = load::number(message.payload()).unwrap_or(u64::MAX);
        found[message.partition() as usize].push((message.offset(), number));
    }
    found
}
