//! An even load of one idempotent producer, librdkafka's or Java's, with the longest pause between two acknowledgements of each
//! partition.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Statistics};

use super::TOPIC;
use super::java::Java;

const PATIENCE: Duration = Duration::from_secs(60);
const VALUE_BYTES: usize = 100;

pub struct Load {
    topic: String,
    answers: Arc<Answers>,
    sender: Sender,
    lookup: BaseConsumer,
}

enum Sender {
    Librdkafka { shared: Arc<Shared>, writer: Mutex<Option<JoinHandle<()>>> },
    Java(Arc<Java>),
}

struct Shared {
    producer: ThreadedProducer<Heard>,
    partitions: usize,
    stop: AtomicBool,
    sent: AtomicU64,
}

/// What the brokers answered.
pub struct Answers {
    partitions: Vec<Mutex<Partition>>,
    failures: Mutex<Vec<String>>,
    /// The epoch of the producer, as it says.
    epoch: AtomicI64,
}

struct Partition {
    /// The offset of each record that was acknowledged, and its number.
    acks: Vec<(i64, u64)>,
    /// After the last of them.
    end: i64,
    last: Instant,
    longest: Duration,
}

impl Answers {
    pub fn new(partitions: usize) -> Arc<Answers> {
        let partition = |_| {
            Mutex::new(Partition { acks: Vec::new(), end: 0, last: Instant::now(), longest: Duration::ZERO })
        };
        Arc::new(Answers {
            partitions: (0..partitions).map(partition).collect(),
            failures: Mutex::default(),
            epoch: AtomicI64::new(0),
        })
    }

    /// Record `number` is there, at this offset.
    pub fn acked(&self, number: u64, partition: usize, offset: i64) {
        let now = Instant::now();
        let mut partition = self.partitions[partition].lock();
        partition.longest = partition.longest.max(now - partition.last);
        partition.last = now;
        partition.end = partition.end.max(offset + 1);
        partition.acks.push((offset, number));
    }

    /// Something that should not happen did.
    pub fn failed(&self, failure: String) {
        self.failures.lock().push(failure);
    }
}

/// Takes librdkafka's word.
struct Heard(Arc<Answers>);

impl ClientContext for Heard {
    fn stats(&self, statistics: Statistics) {
        let epoch = statistics.eos.map_or(0, |eos| eos.producer_epoch);
        self.0.epoch.fetch_max(epoch, Ordering::Relaxed);
    }
}

impl ProducerContext for Heard {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match result {
            Ok(message) => self.0.acked(number as u64, message.partition() as usize, message.offset()),
            Err((error, _)) => self.0.failed(format!("record {number} failed: {error}")),
        }
    }
}

/// The settings of all clients: librdkafka's own, but for a broker that answers nothing.
pub fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("log_level", "2");
    config
}

pub fn make_topic(bootstrap: &str, topic: &str, partitions: usize) {
    make(bootstrap, NewTopic::new(topic, partitions as i32, TopicReplication::Fixed(1)));
}

/// Makes a topic, and waits for the answer.
pub fn make(bootstrap: &str, topic: NewTopic<'_>) {
    let admin: AdminClient<DefaultClientContext> = client(bootstrap).create().expect("an admin client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let begun = Instant::now();
    loop {
        let made = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()));
        let made = made.ok().and_then(|made| made.into_iter().next());
        match made {
            Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => return,
            // On a busy machine the brokers may elect somebody first.
            _ => assert!(begun.elapsed() < PATIENCE, "topic {} is not made: {made:?}", topic.name),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

impl Load {
    /// `patience` is the time after which a request counts as lost.
    pub fn start(bootstrap: &str, partitions: usize, rate: u64, patience: Option<Duration>) -> Load {
        let answers = Answers::new(partitions);
        let mut config = client(bootstrap);
        config.set("acks", "all").set("enable.idempotence", "true").set("enable.gapless.guarantee", "true");
        config.set("statistics.interval.ms", "500");
        config.set("message.timeout.ms", "300000").set("queue.buffering.max.messages", "1000000");
        if let Some(patience) = patience {
            let patience = patience.as_millis().to_string();
            config.set("socket.timeout.ms", &patience).set("request.timeout.ms", &patience);
            config.set("reconnect.backoff.max.ms", &patience);
        }
        let shared = Arc::new(Shared {
            producer: config.create_with_context(Heard(Arc::clone(&answers))).expect("a producer"),
            partitions,
            stop: AtomicBool::new(false),
            sent: AtomicU64::new(0),
        });
        let writing = Arc::clone(&shared);
        let writer = std::thread::spawn(move || writing.write(rate));
        let sender = Sender::Librdkafka { shared, writer: Mutex::new(Some(writer)) };
        Load::of(bootstrap, TOPIC, answers, sender)
    }

    /// What a Java client sends, and hears in answer.
    pub fn of_java(bootstrap: &str, topic: &str, answers: Arc<Answers>, java: Arc<Java>) -> Load {
        Load::of(bootstrap, topic, answers, Sender::Java(java))
    }

    fn of(bootstrap: &str, topic: &str, answers: Arc<Answers>, sender: Sender) -> Load {
        let lookup = client(bootstrap).create().expect("a client");
        Load { topic: topic.to_owned(), answers, sender, lookup }
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Waits until every partition has taken a record after now.
    pub fn settle(&self) {
        let begun = Instant::now();
        while !(0..self.partitions()).all(|partition| self.has_taken(partition, begun)) {
            assert!(begun.elapsed() < PATIENCE, "not all partitions take records");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn has_taken(&self, partition: usize, since: Instant) -> bool {
        self.answers.partitions[partition].lock().last > since
    }

    /// Records that were refused for good.
    pub fn failures(&self) -> Vec<String> {
        self.answers.failures.lock().clone()
    }

    /// The longest pause of each partition since the last look.
    pub fn look(&self) -> Vec<Duration> {
        let now = Instant::now();
        let look = |partition: &Mutex<Partition>| {
            let mut partition = partition.lock();
            std::mem::take(&mut partition.longest).max(now - partition.last)
        };
        self.answers.partitions.iter().map(look).collect()
    }

    /// The broker that leads each partition, as any of them says.
    pub fn leaders(&self) -> Vec<usize> {
        let begun = Instant::now();
        loop {
            if let Ok(metadata) = self.lookup.fetch_metadata(Some(&self.topic), Duration::from_secs(2))
                && let Some(topic) = metadata.topics().first()
                && topic.partitions().len() == self.partitions()
                && topic.partitions().iter().all(|partition| partition.leader() >= 0)
            {
                let mut leaders = vec![0; self.partitions()];
                topic.partitions().iter().for_each(|p| leaders[p.id() as usize] = p.leader() as usize);
                return leaders;
            }
            assert!(begun.elapsed() < PATIENCE, "nobody says who leads");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Stops, waits for every answer, and tells how many records were sent, and what went wrong.
    pub fn finish(&self) -> (u64, Vec<String>) {
        let (sent, problem) = match &self.sender {
            Sender::Librdkafka { shared, writer } => shared.finish(writer.lock().take()),
            Sender::Java(java) => java.stop_producing(),
        };
        let mut problems: Vec<String> = std::mem::take(&mut self.answers.failures.lock());
        problems.extend(problem);
        (sent, problems)
    }

    /// The acknowledged records of a partition: offsets and numbers.
    pub fn acks(&self, partition: usize) -> Vec<(i64, u64)> {
        self.answers.partitions[partition].lock().acks.clone()
    }

    /// After the last record of a partition that was acknowledged.
    pub fn end(&self, partition: usize) -> i64 {
        self.answers.partitions[partition].lock().end
    }

    /// The ends of these partitions, as those say who lead them.
    pub fn ends(&self, partitions: &[usize]) -> Vec<(usize, i64)> {
        let end = |partition: &usize| (*partition, end(&self.lookup, &self.topic, *partition as i32));
        partitions.iter().map(end).collect()
    }

    /// True if the producer has begun a new epoch. librdkafka does when a batch is refused for its sequence number, and sends what
    /// it has no answer to once more in that, which nobody can tell from something new.
    pub fn has_begun_anew(&self) -> bool {
        self.answers.epoch.load(Ordering::Relaxed) > 0
    }

    pub fn partitions(&self) -> usize {
        self.answers.partitions.len()
    }
}

impl Shared {
    fn finish(&self, writer: Option<JoinHandle<()>>) -> (u64, Option<String>) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(writer) = writer {
            writer.join().expect("the writer");
        }
        let unanswered = self.producer.flush(PATIENCE).err();
        let unanswered = unanswered.map(|error| format!("not all records were answered: {error}"));
        let fatal = self.producer.client().fatal_error().map(|(_, error)| error);
        (self.sent.load(Ordering::Relaxed), fatal.or(unanswered))
    }

    fn write(&self, rate: u64) {
        let begun = Instant::now();
        let mut number = 0;
        while !self.stop.load(Ordering::Relaxed) && self.producer.context().0.failures.lock().is_empty() {
            let due = begun.elapsed().as_micros() as u64 * rate / 1_000_000;
            while number < due {
                self.send(number);
                number += 1;
            }
            self.sent.store(number, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn send(&self, number: u64) {
        let value = format!("{number:0VALUE_BYTES$}");
        let partition = (number % self.partitions as u64) as i32;
        let mut next: BaseRecord<'_, (), str, usize> =
            BaseRecord::with_opaque_to(TOPIC, number as usize).partition(partition).payload(&value);
        while let Err((error, back)) = self.producer.send(next) {
            let full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            if !full {
                let failure = format!("record {number} was not queued: {error}");
                return self.producer.context().0.failed(failure);
            }
            std::thread::sleep(Duration::from_millis(5));
            next = back;
        }
    }
}

/// The end of a partition, as the broker says that leads it; the partition may be on its way to another.
pub fn end(consumer: &BaseConsumer, topic: &str, partition: i32) -> i64 {
    let begun = Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, partition, Duration::from_secs(2)) {
            Ok((_, end)) => return end,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "no end of partition {partition}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The number of a record.
pub fn number(value: Option<&[u8]>) -> Option<u64> {
    std::str::from_utf8(value?).ok()?.parse().ok()
}
