//! Load for a soak: records go in and come out at an even rate for as long as wished, whatever happens to the broker.
//!
//! One idempotent producer writes to every partition in turn; one consumer reads behind it. Each record carries its number
//! within its partition, so that one that is lost, doubled or out of order ends the run.
//!
//! `soak BOOTSTRAP TOPIC,.. PARTITIONS RECORD_BYTES MIB_PER_SECOND TOTAL_MIB`

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

/// Without any progress for so long, the run has failed.
const PATIENCE: Duration = Duration::from_secs(120);
const MIB: u64 = 1 << 20;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Clone, Debug)]
struct Plan {
    bootstrap: String,
    topics: Vec<String>,
    partitions: i32,
    record_bytes: usize,
    bytes_per_second: u64,
    /// In each partition.
    records: u64,
}

impl Plan {
    fn from_args(args: &[String]) -> Outcome<Plan> {
        let [bootstrap, topics, partitions, record_bytes, mib_per_second, total_mib] = args else {
            return Err(
                "usage: soak BOOTSTRAP TOPIC,.. PARTITIONS RECORD_BYTES MIB_PER_SECOND TOTAL_MIB".into()
            );
        };
        let topics: Vec<String> = topics.split(',').map(str::to_owned).collect();
        let partitions: i32 = partitions.parse()?;
        let record_bytes: usize = record_bytes.parse()?;
        let total: u64 = total_mib.parse::<u64>()? * MIB;
        let places = topics.len() as u64 * u64::from(partitions.unsigned_abs());
        Ok(Plan {
            bootstrap: bootstrap.clone(),
            records: total / record_bytes as u64 / places,
            topics,
            partitions,
            record_bytes,
            bytes_per_second: mib_per_second.parse::<u64>()? * MIB,
        })
    }

    fn places(&self) -> impl Iterator<Item = (&str, i32)> {
        self.topics
            .iter()
            .flat_map(|topic| (0..self.partitions).map(move |partition| (topic.as_str(), partition)))
    }

    fn total_records(&self) -> u64 {
        self.records * self.places().count() as u64
    }
}

/// Counts what the broker acknowledged.
#[derive(Clone, Default)]
struct Answers {
    acked: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.acked } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match Plan::from_args(&args).and_then(|plan| run(&plan)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Outcome<()> {
    let started = Instant::now();
    let reader = std::thread::spawn({
        let plan = plan.clone();
        move || consume(&plan)
    });
    produce(plan, &reader)?;
    let produced = started.elapsed().as_secs_f64();
    reader.join().map_err(|_| "the consumer panicked")??;
    let mib = (plan.total_records() * plan.record_bytes as u64 / MIB) as f64;
    println!(
        "{mib:.0} MiB in and out: in at {:.1} MiB/s, out by {:.1} s",
        mib / produced,
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn produce<T>(plan: &Plan, reader: &std::thread::JoinHandle<T>) -> Outcome<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &plan.bootstrap);
    config.set("enable.idempotence", "true");
    config.set("message.timeout.ms", "0");
    config.set("linger.ms", "20");
    config.set("queue.buffering.max.kbytes", "65536");
    let answers = Answers::default();
    let producer: ThreadedProducer<Answers> = config.create_with_context(answers.clone())?;
    let started = Instant::now();
    let mut value = vec![b'x'; plan.record_bytes];
    let mut bytes = 0;
    for number in 0..plan.records {
        value[..8].copy_from_slice(&number.to_be_bytes());
        for (topic, partition) in plan.places() {
            send(&producer, topic, partition, &value)?;
            bytes += plan.record_bytes as u64;
        }
        let due = Duration::from_secs_f64(bytes as f64 / plan.bytes_per_second as f64);
        if let Some(early) = due.checked_sub(started.elapsed()) {
            std::thread::sleep(early);
        }
        if reader.is_finished() {
            return Err("the consumer ended early".into());
        }
    }
    producer.flush(PATIENCE)?;
    match answers.failed.load(Ordering::Relaxed) {
        0 => Ok(()),
        failed => Err(format!("{failed} records were refused").into()),
    }
}

/// Queues a record; waits while the queue is full.
fn send(producer: &ThreadedProducer<Answers>, topic: &str, partition: i32, value: &[u8]) -> Outcome<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(value);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same))
                if Instant::now() < deadline =>
            {
                record = same;
                std::thread::sleep(Duration::from_millis(5));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

fn consume(plan: &Plan) -> Outcome<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &plan.bootstrap);
    config.set("group.id", "none");
    config.set("enable.auto.commit", "false");
    // Whatever is gone before it was read is a failure: the load is even, and more is kept than a reader lags behind.
    config.set("auto.offset.reset", "error");
    config.set("queued.max.messages.kbytes", "32768");
    let consumer: BaseConsumer = config.create()?;
    let mut places = TopicPartitionList::new();
    for (topic, partition) in plan.places() {
        places.add_partition_offset(topic, partition, Offset::Offset(0))?;
    }
    consumer.assign(&places)?;
    let mut next: std::collections::HashMap<(String, i32), u64> =
        plan.places().map(|(topic, partition)| ((topic.to_owned(), partition), 0)).collect();
    let mut left = plan.total_records();
    let mut last = Instant::now();
    while left > 0 {
        match consumer.poll(Duration::from_secs(1)) {
            Some(Ok(record)) => {
                let number = record.payload().and_then(|value| value.first_chunk::<8>());
                let number = u64::from_be_bytes(*number.ok_or("a record without a number")?);
                let place = (record.topic().to_owned(), record.partition());
                let expected = next.get_mut(&place).ok_or("a record of a partition not asked for")?;
                if number != *expected || record.offset().cast_unsigned() != number {
                    let offset = record.offset();
                    return Err(format!("{place:?} at {offset}: record {number}, not {expected}").into());
                }
                *expected += 1;
                left -= 1;
                last = Instant::now();
            }
            Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset))) => {
                return Err("records went before they were read".into());
            }
            // The broker is away, or coming back.
            Some(Err(_)) | None if last.elapsed() < PATIENCE => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(format!("nothing comes any more, {left} records early").into()),
        }
    }
    Ok(())
}
