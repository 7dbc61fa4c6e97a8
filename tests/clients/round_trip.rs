//! What librdkafka sends comes back as it was, however it is sent.

use std::time::{Duration, SystemTime};

use rdkafka::Offset;

use crate::broker::{Broker, PARTITIONS};
use crate::librdkafka::{Consumer, Producer, Record, make_topic};

/// A broker of this test alone, or the one that the environment names.
struct Server {
    bootstrap: String,
    _broker: Option<Broker>,
}

impl Server {
    fn start() -> Server {
        match std::env::var("KAFKAESQUE_TEST_BOOTSTRAP") {
            Ok(bootstrap) => Server { bootstrap, _broker: None },
            Err(_) => {
                let broker = Broker::start();
                Server { bootstrap: broker.bootstrap(), _broker: Some(broker) }
            }
        }
    }

    /// A topic that no earlier run used.
    fn topic(&self, name: &str) -> (Consumer, String) {
        let topic = format!("{name}-{:08x}", rand::random::<u32>());
        let consumer = Consumer::new(&self.bootstrap);
        make_topic(&consumer, &topic, PARTITIONS);
        (consumer, topic)
    }

    /// Sends the records round the partitions, and holds acknowledgements and what is read against them.
    fn round_trip(&self, name: &str, settings: &[(&str, &str)], records: &[Record]) {
        let (consumer, topic) = self.topic(name);
        let producer = Producer::new(&self.bootstrap, settings);
        let partitions = PARTITIONS as usize;
        for (number, record) in records.iter().enumerate() {
            producer.send(&topic, (number % partitions) as i32, number, record);
        }
        producer.flush(Duration::from_secs(60));
        producer.assert_healthy();

        assert_eq!(producer.acks().len(), records.len());
        for ack in producer.acks() {
            let place = ((ack.number % partitions) as i32, (ack.number / partitions) as i64);
            assert_eq!(
                (ack.partition, ack.offset),
                place,
                "{name}: acknowledgement of record {}",
                ack.number
            );
        }
        for (partition, found) in consumer.read_all(&topic, PARTITIONS).into_iter().enumerate() {
            let offsets: Vec<i64> = found.iter().map(|f| f.offset).collect();
            assert_eq!(
                offsets,
                (0..found.len() as i64).collect::<Vec<_>>(),
                "{name}: offsets of partition {partition}"
            );
            let found: Vec<Record> = found.into_iter().map(|f| f.record).collect();
            let sent: Vec<Record> = records.iter().skip(partition).step_by(partitions).cloned().collect();
            assert!(found == sent, "{name}: partition {partition} holds other records than were sent");
        }
    }
}

fn numbered(count: usize) -> Vec<Record> {
    (0..count).map(|n| Record::of(format!("record {n} {}", "abc".repeat(n % 50)))).collect()
}

#[test]
fn records_come_back_with_every_codec() {
    let server = Server::start();
    for codec in ["none", "gzip", "snappy", "lz4"] {
        server.round_trip(codec, &[("compression.type", codec)], &numbered(3_000));
    }
}

#[test]
fn records_come_back_with_and_without_idempotence() {
    let server = Server::start();
    server.round_trip("idempotent", &[("enable.idempotence", "true")], &numbered(30_000));
    server.round_trip("acks-1", &[("acks", "1")], &numbered(3_000));
    server.round_trip("acks-all", &[("acks", "all")], &numbered(3_000));
}

#[test]
fn keys_headers_nulls_and_large_records_come_back() {
    let header = |key: &str, value: Option<&str>| (key.to_owned(), value.map(|v| v.as_bytes().to_vec()));
    let records = [
        Record {
            key: Some(b"key".to_vec()),
            value: Some(b"value".to_vec()),
            headers: vec![
                header("a", Some("1")),
                header("a", Some("2")),
                header("empty", Some("")),
                header("null", None),
            ],
        },
        Record { key: Some(b"key".to_vec()), ..Record::default() },
        Record { key: Some(Vec::new()), value: Some(Vec::new()), headers: Vec::new() },
        Record::of((0..900_000u32).map(|n| (n % 251) as u8).collect::<Vec<u8>>()),
    ];
    Server::start().round_trip("shapes", &[], &records);
}

#[test]
fn a_consumer_starts_in_the_middle() {
    let server = Server::start();
    let (consumer, topic) = server.topic("middle");
    let producer = Producer::new(&server.bootstrap, &[]);
    let records = numbered(1_000);
    for (number, record) in records.iter().enumerate() {
        producer.send(&topic, 0, number, record);
    }
    producer.flush(Duration::from_secs(60));
    let found = consumer.read(&topic, &[(500, 510)]).remove(0);
    let values: Vec<&Record> = found.iter().map(|f| &f.record).collect();
    assert_eq!(values, records[500..510].iter().collect::<Vec<_>>());
}

#[test]
fn offsets_are_found_by_time() {
    let server = Server::start();
    let (consumer, topic) = server.topic("times");
    let producer = Producer::new(&server.bootstrap, &[]);
    for number in 0..2 {
        producer.send(&topic, 0, number, &Record::of("early"));
    }
    producer.flush(Duration::from_secs(60));
    std::thread::sleep(Duration::from_millis(20));
    producer.send(&topic, 0, 2, &Record::of("late"));
    producer.flush(Duration::from_secs(60));

    let found = consumer.read_all(&topic, 1).remove(0);
    let late = found[2].timestamp.expect("a timestamp");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970").as_millis()
        as i64;
    assert!((now - 60_000..=now).contains(&late), "the record's time {late} is near {now}");
    assert_eq!(consumer.offset_at(&topic, 0, 0), Offset::Offset(0));
    assert_eq!(consumer.offset_at(&topic, 0, late), Offset::Offset(2));
    assert_eq!(consumer.offset_at(&topic, 0, now + 3_600_000), Offset::End);
}
