//! librdkafka's producer and consumer in the few verbs that these tests need.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

const PATIENCE: Duration = Duration::from_secs(60);

/// What a producer gives and a consumer gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    pub fn of(value: impl Into<Vec<u8>>) -> Record {
        Record { value: Some(value.into()), ..Record::default() }
    }
}

/// Where the broker said that a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The number that the record was sent with.
    pub number: usize,
    pub partition: i32,
    pub offset: i64,
}

/// Every answer of the broker, in the order in which they came.
#[derive(Default)]
pub struct Answers {
    acks: Mutex<Vec<Ack>>,
    failures: Mutex<Vec<String>>,
}

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match result {
            Ok(m) => {
                self.acks.lock().unwrap().push(Ack { number, partition: m.partition(), offset: m.offset() })
            }
            Err((e, _)) => self.failures.lock().unwrap().push(format!("record {number}: {e}")),
        }
    }
}

/// A producer that remembers every answer.
pub struct Producer(ThreadedProducer<Answers>);

impl Producer {
    pub fn new(bootstrap: &str, settings: &[(&str, &str)]) -> Producer {
        let mut config = client(bootstrap);
        config.set("linger.ms", "2");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        Producer(config.create_with_context(Answers::default()).expect("a producer"))
    }

    /// Queues a record; waits while the queue is full.
    pub fn send(&self, topic: &str, partition: i32, number: usize, record: &Record) {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: value.as_ref() });
        }
        let mut next = BaseRecord::with_opaque_to(topic, number).partition(partition);
        next.key = record.key.as_ref();
        next.payload = record.value.as_ref();
        next.headers = (!record.headers.is_empty()).then_some(headers);
        while let Err((error, back)) = self.0.send(next) {
            let full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            assert!(full, "record {number} was not queued: {error}");
            std::thread::sleep(Duration::from_millis(5));
            next = back;
        }
    }

    /// Waits until everything queued is answered.
    pub fn flush(&self, patience: Duration) {
        self.0.flush(patience).expect("every record answered");
    }

    pub fn acks(&self) -> Vec<Ack> {
        self.0.context().acks.lock().unwrap().clone()
    }

    /// Fails when the broker failed a record, or librdkafka gave up the producer.
    pub fn assert_healthy(&self) {
        assert_eq!(*self.0.context().failures.lock().unwrap(), Vec::<String>::new());
        assert_eq!(self.0.client().fatal_error(), None);
    }
}

/// A record found in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub offset: i64,
    pub timestamp: Option<i64>,
    pub record: Record,
}

/// A consumer that assigns partitions by hand.
pub struct Consumer(BaseConsumer);

impl Consumer {
    pub fn new(bootstrap: &str) -> Consumer {
        let mut config = client(bootstrap);
        config.set("group.id", "unused").set("enable.auto.commit", "false").set("check.crcs", "true");
        Consumer(config.create().expect("a consumer"))
    }

    /// First and end offset of a partition, asked until the broker answers.
    pub fn watermarks(&self, topic: &str, partition: i32) -> (i64, i64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.0.fetch_watermarks(topic, partition, Duration::from_secs(2)) {
                Ok(marks) => return marks,
                Err(e) => assert!(Instant::now() < deadline, "no watermarks of {topic}-{partition}: {e}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The first offset at or after a time, in milliseconds since 1970; the end when there is none.
    pub fn offset_at(&self, topic: &str, partition: i32, timestamp: i64) -> Offset {
        let mut query = TopicPartitionList::new();
        query.add_partition_offset(topic, partition, Offset::Offset(timestamp)).expect("a valid offset");
        let answer = self.0.offsets_for_times(query, Duration::from_secs(10)).expect("an offset");
        answer.elements()[0].offset()
    }

    /// All partitions from their first offsets to the ends that they have now.
    pub fn read_all(&self, topic: &str, partitions: i32) -> Vec<Vec<Found>> {
        let marks: Vec<(i64, i64)> = (0..partitions).map(|p| self.watermarks(topic, p)).collect();
        self.read(topic, &marks)
    }

    /// Partition by partition the records from one offset up to another.
    pub fn read(&self, topic: &str, ranges: &[(i64, i64)]) -> Vec<Vec<Found>> {
        let mut assignment = TopicPartitionList::new();
        for (partition, (from, _)) in ranges.iter().enumerate() {
            assignment
                .add_partition_offset(topic, partition as i32, Offset::Offset(*from))
                .expect("a valid offset");
        }
        self.0.assign(&assignment).expect("an assignment");
        let mut found = vec![Vec::new(); ranges.len()];
        let mut ended: Vec<bool> = ranges.iter().map(|(from, to)| from >= to).collect();
        let deadline = Instant::now() + PATIENCE;
        while ended.contains(&false) {
            assert!(
                Instant::now() < deadline,
                "{topic}: read {:?} of {ranges:?}",
                found.iter().map(Vec::len).collect::<Vec<_>>()
            );
            // Errors of the connection are librdkafka's to mend; the deadline ends what it cannot.
            let Some(Ok(message)) = self.0.poll(Duration::from_millis(100)) else { continue };
            let partition = message.partition() as usize;
            let end = ranges[partition].1;
            if message.offset() < end {
                found[partition].push(Found {
                    offset: message.offset(),
                    timestamp: message.timestamp().to_millis(),
                    record: record_of(&message),
                });
            }
            ended[partition] |= message.offset() + 1 >= end;
        }
        self.0.unassign().expect("no assignment");
        found
    }
}

fn record_of(message: &rdkafka::message::BorrowedMessage<'_>) -> Record {
    let headers = message
        .headers()
        .map(|all| all.iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect());
    Record {
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    }
}

/// Settings of both: a broker that went is looked for again at once.
fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .set("retry.backoff.ms", "50")
        .set("topic.metadata.refresh.fast.interval.ms", "50")
        .set("allow.auto.create.topics", "true")
        .set("log_level", "3");
    config
}

/// Makes a topic by asking for it, and waits until all its partitions answer.
pub fn make_topic(consumer: &Consumer, topic: &str, partitions: i32) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let metadata = consumer.0.fetch_metadata(Some(topic), Duration::from_secs(5));
        let count = metadata.as_ref().map_or(0, |m| m.topics().first().map_or(0, |t| t.partitions().len()));
        if count == partitions as usize {
            break;
        }
        assert!(Instant::now() < deadline, "{topic} has {count} partitions");
        std::thread::sleep(Duration::from_millis(50));
    }
    for partition in 0..partitions {
        consumer.watermarks(topic, partition);
    }
}
