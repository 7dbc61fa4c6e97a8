//! What the log holds in the end, against what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::epochs::Epochs;
use super::load::{self, Load};

const PATIENCE: Duration = Duration::from_secs(120);

/// Every record that was sent is there once, in order, and where its acknowledgement says. Returns what is not so.
pub fn all_there(bootstrap: &str, load: &Load, sent: u64) -> Vec<String> {
    let mut found = read_all(bootstrap, load.topic(), load.partitions());
    if load.has_begun_anew() {
        let again = found.iter_mut().enumerate().map(|(partition, found)| {
            let end = found.last().map_or(0, |(offset, _)| offset + 1);
            let epochs = Epochs::read(bootstrap, load.topic(), partition as i32, end);
            last_of_each(found, &load.acks(partition), &epochs)
        });
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

/// Leaves of each record that was sent again in a new epoch where it was acknowledged, if it is there. Returns how many are left
/// out. A second one in the same epoch is the broker's doing.
fn last_of_each(found: &mut Vec<(i64, u64)>, acks: &[(i64, u64)], epochs: &Epochs) -> usize {
    let acked: BTreeSet<(i64, u64)> = acks.iter().copied().collect();
    let there = found.iter().filter(|place| acked.contains(place));
    let there: BTreeMap<u64, i64> = there.map(|(offset, number)| (*number, *offset)).collect();
    let is_again = |(offset, number): &(i64, u64)| {
        let acked = there.get(number).filter(|acked| *acked != offset);
        acked.is_some_and(|acked| epochs.of(*offset) < epochs.of(*acked))
    };
    let before = found.len();
    found.retain(|place| !is_again(place));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_twice_in_one_epoch_is_told() {
        let acks = [(0, 10), (4, 11), (5, 12)];
        let mut found = vec![(0, 10), (1, 11), (2, 12), (3, 10), (4, 11), (5, 12)];
        let epochs = Epochs::of_batches([(0, 0), (2, 0), (3, 0), (5, 1)]);
        assert_eq!(last_of_each(&mut found, &acks, &epochs), 2);
        assert_eq!(found, [(0, 10), (3, 10), (4, 11), (5, 12)]);
    }
}
