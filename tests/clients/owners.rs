//! `kill -9` of the brokers of a cluster in turn under idempotent load: every record is there once, in order, at the offset of its
//! acknowledgement. `KAFKAESQUE_CRASH_ROUNDS` sets how many times.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::broker::program;
use crate::librdkafka::{Ack, Consumer, Found, Producer, Record, make_topic};
use crate::processes::Cluster;

const TOPIC: &str = "owners";
const PARTITIONS: i32 = 6;
const TAKEOVER: Duration = Duration::from_secs(60);

#[test]
fn acknowledged_records_survive_kill_9_of_their_owners() {
    let rounds = std::env::var("KAFKAESQUE_CRASH_ROUNDS").map_or(2, |text| text.parse().expect("a number"));
    let variables = [("LOCAL_FSYNC", "false"), ("LOCAL_RESERVE_BYTES", "0"), ("DEFAULT_NUM_PARTITIONS", "6")];
    let mut cluster = Cluster::start(&program(), 3, &variables);
    let consumer = Consumer::new(&cluster.bootstrap());
    make_topic(&consumer, TOPIC, PARTITIONS);
    let settings = [
        ("enable.idempotence", "true"),
        ("enable.gapless.guarantee", "true"),
        ("acks", "all"),
        ("message.timeout.ms", "300000"),
    ];
    let producer = Producer::new(&cluster.bootstrap(), &settings);
    let stop = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        let writer = scope.spawn(|| write(&producer, &stop));
        for round in 0..rounds {
            wait_for_all(&producer);
            let victim = round % 3;
            cluster.kill(victim);
            wait_for_all(&producer);
            cluster.launch(victim);
            cluster.wait_until_ready(victim);
        }
        wait_for_all(&producer);
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("the writer")
    });
    producer.flush(TAKEOVER);
    producer.assert_healthy();
    let acks = producer.acks();
    assert_eq!(acks.len(), sent, "every record is acknowledged in the end");
    verify(&consumer.read_all(TOPIC, PARTITIONS), &acks);
}

/// Also when an assertion fails, or the scope would wait for its thread for ever.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends numbered records round the partitions until told to stop; says how many.
fn write(producer: &Producer, stop: &AtomicBool) -> usize {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..6 {
            producer.send(TOPIC, (number % 6) as i32, number, &Record::of(number.to_string()));
            number += 1;
        }
        std::thread::sleep(Duration::from_millis(4));
    }
    number
}

/// Waits until every partition has acknowledged something that it had not before.
fn wait_for_all(producer: &Producer) {
    let ends = || {
        let mut ends = [-1; PARTITIONS as usize];
        for ack in producer.acks() {
            let end = &mut ends[ack.partition as usize];
            *end = ack.offset.max(*end);
        }
        ends
    };
    let (before, begun) = (ends(), Instant::now());
    while ends().iter().zip(before).any(|(now, before)| *now <= before) {
        assert!(begun.elapsed() < TAKEOVER, "partitions take nothing: {before:?}, then {:?}", ends());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn verify(found: &[Vec<Found>], acks: &[Ack]) {
    for (partition, records) in found.iter().enumerate() {
        let number = |found: &Found| {
            let text = found.record.value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
            text.and_then(|text| text.parse::<usize>().ok()).expect("a number")
        };
        let found: Vec<(usize, i64)> = records.iter().map(|found| (number(found), found.offset)).collect();
        let mut acked: Vec<(usize, i64)> = acks
            .iter()
            .filter(|ack| ack.partition == partition as i32)
            .map(|ack| (ack.number, ack.offset))
            .collect();
        acked.sort_unstable();
        assert_eq!(found, acked, "partition {partition}: numbers and offsets, each once and in order");
    }
}
