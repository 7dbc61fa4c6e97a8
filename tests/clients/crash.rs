//! `kill -9` at random moments under three idempotent producers and a plain one: every acknowledged record is there, in
//! order, at the offset of its acknowledgement. Of an idempotent producer it is there once, and a record without
//! acknowledgement once or not at all; the plain one sends again what it got no answer to, which makes copies of its own.
//!
//! `KAFKAESQUE_CRASH_ROUNDS` sets how many times the broker is killed, `KAFKAESQUE_CRASH_SEED` the moments.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::broker::{Broker, PARTITIONS};
use crate::librdkafka::{Ack, Consumer, Found, Producer, Record, make_topic};

const TOPIC: &str = "crash";
const PRODUCERS: usize = 4;
/// The one that is not idempotent.
const PLAIN: usize = 3;

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
}

#[test]
fn acknowledged_records_survive_kill_9_once_and_in_order() {
    let rounds = from_env("KAFKAESQUE_CRASH_ROUNDS").unwrap_or(6);
    let seed = from_env("KAFKAESQUE_CRASH_SEED").unwrap_or_else(rand::random);
    println!("KAFKAESQUE_CRASH_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);

    let mut broker = Broker::start();
    let consumer = Consumer::new(&broker.bootstrap());
    make_topic(&consumer, TOPIC, PARTITIONS);
    let producers: Vec<Producer> = (0..PRODUCERS).map(|id| producer(&broker.bootstrap(), id)).collect();
    let pace = &Pace::default();

    std::thread::scope(|scope| {
        // Also when an assertion fails, or the scope would wait for its threads for ever.
        let _stop = pace.stop_on_drop();
        let writers: Vec<_> =
            producers.iter().enumerate().map(|(id, p)| scope.spawn(move || write(p, id, pace))).collect();
        for round in 1..=rounds {
            wait_for_acks(&producers);
            kill_and_restart(&mut broker, &mut rng);
            let acked = acks(&producers);
            // What is queued goes on being sent, but the log should not outgrow its readers.
            pace.set(Pace::REST);
            verify(&consumer.read_all(TOPIC, PARTITIONS), &acked);
            println!("round {round}: {:?} records acknowledged", counts(&acked));
            broker.assert_runs();
            pace.set(Pace::WRITE);
        }
        pace.set(Pace::STOP);
        for (producer, writer) in producers.iter().zip(writers) {
            let sent = writer.join().expect("a writer");
            producer.flush(Duration::from_secs(60));
            producer.assert_healthy();
            assert_eq!(producer.acks().len(), sent, "every record is acknowledged in the end");
        }
    });
    verify(&consumer.read_all(TOPIC, PARTITIONS), &acks(&producers));
}

/// Waits until every producer got an answer that it had not got before: no round is an idle one.
fn wait_for_acks(producers: &[Producer]) {
    let before = acks(producers);
    let deadline = Instant::now() + Duration::from_secs(60);
    while acks(producers).iter().zip(&before).any(|(now, before)| now.len() == before.len()) {
        assert!(Instant::now() < deadline, "no acknowledgements any more: {:?}", counts(&before));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Lets it run for a while, kills it, and starts it again; now and then kills it once more while it comes up.
fn kill_and_restart(broker: &mut Broker, rng: &mut StdRng) {
    std::thread::sleep(Duration::from_millis(rng.random_range(0..1_000)));
    broker.kill();
    broker.restart();
    if rng.random_bool(0.4) {
        std::thread::sleep(Duration::from_millis(rng.random_range(0..400)));
        broker.kill();
        broker.restart();
    }
    broker.wait_until_up();
}

/// Each compresses in its own way, and none gives a record up before the test's own patience ends.
fn producer(bootstrap: &str, id: usize) -> Producer {
    let codec = ["none", "lz4", "snappy", "gzip"][id];
    // One request at a time: nothing that the plain one sends again overtakes what it sent later.
    let (idempotent, in_flight) = if id == PLAIN { ("false", "1") } else { ("true", "5") };
    let settings = [
        ("enable.idempotence", idempotent),
        ("enable.gapless.guarantee", idempotent),
        ("max.in.flight.requests.per.connection", in_flight),
        ("acks", "all"),
        ("message.timeout.ms", "300000"),
        ("batch.num.messages", "100"),
        ("queue.buffering.max.messages", "20000"),
        ("compression.type", codec),
    ];
    Producer::new(bootstrap, &settings)
}

fn value(producer: usize, number: usize) -> String {
    format!("{producer} {number} {}", "x".repeat(number * 31 % 200))
}

/// Sends numbered records round the partitions until told to stop; says how many.
fn write(producer: &Producer, id: usize, pace: &Pace) -> usize {
    for number in 0.. {
        if number % 20 == 0 && !pace.breathe() {
            return number;
        }
        producer.send(TOPIC, partition(number), number, &Record::of(value(id, number)));
    }
    unreachable!("the numbers do not end")
}

fn partition(number: usize) -> i32 {
    (number % PARTITIONS as usize) as i32
}

fn acks(producers: &[Producer]) -> Vec<Vec<Ack>> {
    producers.iter().map(Producer::acks).collect()
}

fn counts(acked: &[Vec<Ack>]) -> Vec<usize> {
    acked.iter().map(Vec::len).collect()
}

/// Holds what was found in each partition against what was acknowledged to each producer. A copy of the plain one's is of
/// a record that is there already, and its acknowledgement is that of the last copy: nothing is sent again after that.
fn verify(found: &[Vec<Found>], acked: &[Vec<Ack>]) {
    let mut places = HashMap::new();
    for (partition, records) in found.iter().enumerate() {
        let mut last = [None; PRODUCERS];
        let mut end = -1;
        for Found { offset, record, .. } in records {
            assert!(*offset > end, "partition {partition}: offset {offset} after {end}");
            end = *offset;
            let (producer, number) = parse(record);
            assert_eq!(
                record.value.as_deref(),
                Some(value(producer, number).as_bytes()),
                "partition {partition}, offset {offset}"
            );
            let other = places.insert((producer, number), (partition as i32, *offset));
            if producer == PLAIN && other.is_some_and(|(p, _)| p == partition as i32) {
                continue;
            }
            assert_eq!(
                other, None,
                "record {number} of producer {producer} is also at {partition}, {offset}"
            );
            let before = last[producer].replace(number);
            assert!(
                before < Some(number),
                "partition {partition}, offset {offset}: record {number} of producer {producer} after {before:?}"
            );
        }
    }
    for (producer, acks) in acked.iter().enumerate() {
        for ack in acks {
            let place = places.get(&(producer, ack.number));
            assert_eq!(
                place,
                Some(&(ack.partition, ack.offset)),
                "where record {} of producer {producer} is",
                ack.number
            );
        }
    }
}

fn parse(record: &Record) -> (usize, usize) {
    let text = record.value.as_deref().and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
    let mut words = text.split(' ').map(str::parse);
    match (words.next(), words.next()) {
        (Some(Ok(producer)), Some(Ok(number))) if producer < PRODUCERS => (producer, number),
        _ => panic!("nobody sent {text:?}"),
    }
}

/// What the writers do now.
#[derive(Default)]
struct Pace(AtomicU8);

impl Pace {
    const WRITE: u8 = 0;
    const REST: u8 = 1;
    const STOP: u8 = 2;

    fn set(&self, pace: u8) {
        self.0.store(pace, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    /// Pauses for a moment, or for as long as writers rest. False once they are to stop.
    fn breathe(&self) -> bool {
        loop {
            std::thread::sleep(Duration::from_millis(4));
            match self.get() {
                Pace::STOP => return false,
                Pace::REST => {}
                _ => return true,
            }
        }
    }

    fn stop_on_drop(&self) -> impl Drop + '_ {
        struct OnDrop<'a>(&'a Pace);
        impl Drop for OnDrop<'_> {
            fn drop(&mut self) {
                self.0.set(Pace::STOP);
            }
        }
        OnDrop(self)
    }
}

/// The checker itself: it must see what it is there to see.
mod checker {
    use super::*;

    fn log(records: &[(usize, usize)]) -> Vec<Vec<Found>> {
        let at = |(offset, (producer, number)): (usize, &(usize, usize))| Found {
            offset: offset as i64,
            timestamp: None,
            record: Record::of(value(*producer, *number)),
        };
        vec![records.iter().enumerate().map(at).collect()]
    }

    fn ack(number: usize, offset: i64) -> Vec<Vec<Ack>> {
        vec![vec![Ack { number, partition: 0, offset }]]
    }

    fn plain_ack(number: usize, offset: i64) -> Vec<Vec<Ack>> {
        let mut acks = vec![Vec::new(); PLAIN];
        acks.extend(ack(number, offset));
        acks
    }

    #[test]
    fn takes_records_without_acknowledgement() {
        verify(&log(&[(0, 0), (1, 0), (0, 3)]), &ack(3, 2));
    }

    #[test]
    fn takes_what_the_plain_producer_sent_again() {
        let log = log(&[(PLAIN, 0), (PLAIN, 1), (PLAIN, 0), (PLAIN, 1), (PLAIN, 2)]);
        verify(&log, &plain_ack(1, 3));
    }

    #[test]
    #[should_panic(expected = "where record 1 of producer 3 is")]
    fn sees_a_copy_after_the_plain_producers_acknowledgement() {
        verify(&log(&[(PLAIN, 0), (PLAIN, 1), (PLAIN, 1)]), &plain_ack(1, 1));
    }

    #[test]
    #[should_panic(expected = "where record 1 of producer 3 is")]
    fn sees_a_lost_record_of_the_plain_producer() {
        verify(&log(&[(PLAIN, 0), (PLAIN, 0), (PLAIN, 2)]), &plain_ack(1, 1));
    }

    #[test]
    #[should_panic(expected = "record 1 of producer 3 after Some(2)")]
    fn sees_the_plain_producers_records_out_of_order() {
        verify(&log(&[(PLAIN, 0), (PLAIN, 2), (PLAIN, 1)]), &plain_ack(1, 2));
    }

    #[test]
    #[should_panic(expected = "where record 3 of producer 0 is")]
    fn sees_a_lost_record() {
        verify(&log(&[(0, 0), (1, 0)]), &ack(3, 2));
    }

    #[test]
    #[should_panic(expected = "where record 3 of producer 0 is")]
    fn sees_a_record_at_another_offset() {
        verify(&log(&[(0, 3), (1, 0)]), &ack(3, 1));
    }

    #[test]
    #[should_panic(expected = "record 0 of producer 0 is also at 0, 1")]
    fn sees_a_record_twice() {
        verify(&log(&[(0, 0), (0, 0)]), &ack(0, 0));
    }

    #[test]
    #[should_panic(expected = "record 0 of producer 0 after Some(3)")]
    fn sees_records_out_of_order() {
        verify(&log(&[(0, 3), (0, 0)]), &ack(3, 0));
    }
}
