//! Producers and consumers, each on a thread of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use crate::latency::Latencies;
use crate::{From, Options};
use broker_usage::Outcome;

/// Without any progress for so long, the run has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub produced: u64,
    pub failed: u64,
    pub produce_seconds: f64,
    pub acks: Latencies,
    pub consumed: u64,
    pub consume_seconds: f64,
    pub end_to_end: Latencies,
}

/// What the broker acknowledged to one producer.
#[derive(Clone, Debug, Default)]
struct Answers(Arc<Mutex<Answered>>);

#[derive(Clone, Debug, Default)]
struct Answered {
    acked: u64,
    failed: u64,
    acks: Latencies,
}

impl Answers {
    fn now(&self) -> MutexGuard<'_, Answered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    /// When it was sent, in microseconds of the day's clock.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: usize) {
        let mut answered = self.now();
        if result.is_ok() {
            answered.acked += 1;
            answered.acks.add(now_us().saturating_sub(sent as u64));
        } else {
            answered.failed += 1;
        }
    }
}

fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
}

/// Everything once: ends when all is acknowledged, and read by the consumers if there are any.
pub fn run(options: &Arc<Options>) -> Outcome<Totals> {
    let mut totals = Totals::default();
    let consumers = start_consumers(options)?;
    let start = Instant::now();
    let producers: Vec<_> = (0..options.producers)
        .map(|number| {
            let options = Arc::clone(options);
            std::thread::spawn(move || produce(&options, number))
        })
        .collect();
    for producer in producers {
        let answered = join(producer)?;
        totals.produced += answered.acked;
        totals.failed += answered.failed;
        totals.acks.merge(&answered.acks);
    }
    totals.produce_seconds = start.elapsed().as_secs_f64();
    if totals.failed > 0 && options.consumers > 0 {
        return Err(format!("{} records were not acknowledged", totals.failed).into());
    }
    for consumer in consumers {
        let (consumed, latencies) = join(consumer)?;
        totals.consumed += consumed;
        totals.end_to_end.merge(&latencies);
    }
    totals.consume_seconds = start.elapsed().as_secs_f64();
    Ok(totals)
}

fn join<T>(thread: JoinHandle<Outcome<T>>) -> Outcome<T> {
    thread.join().map_err(|_| "a thread panicked")?
}

fn produce(options: &Options, number: u32) -> Outcome<Answered> {
    let answers = Answers::default();
    let mut config = options.client()?;
    config
        .set("acks", &options.acks)
        .set("compression.type", &options.compression)
        .set("linger.ms", &options.linger_ms)
        .set("batch.size", &options.batch_bytes)
        .set("queue.buffering.max.kbytes", "131072");
    let producer: ThreadedProducer<Answers> = config.create_with_context(answers.clone())?;
    let mut value = filling(options.record_bytes as usize);
    let start = Instant::now();
    for index in (u64::from(number)..options.records).step_by(options.producers as usize) {
        if options.rate > 0 {
            let due = Duration::from_secs_f64(index as f64 / options.rate as f64);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
        let sent = now_us();
        value[..8].copy_from_slice(&sent.to_be_bytes());
        let key = if options.keys > 0 { (index % options.keys).to_string() } else { String::new() };
        let partition = (index % options.partitions.unsigned_abs() as u64) as i32;
        let mut record = BaseRecord::<str, [u8], usize>::with_opaque_to(&options.topic, sent as usize)
            .payload(&value)
            .partition(partition);
        if options.keys > 0 {
            record = record.key(&key);
        }
        send(&producer, &answers, record)?;
    }
    producer.flush(PATIENCE)?;
    drop(producer);
    Ok(answers.now().clone())
}

/// Waits for room in the producer's queue, as long as the broker acknowledges anything.
fn send(
    producer: &ThreadedProducer<Answers>,
    answers: &Answers,
    mut record: BaseRecord<'_, str, [u8], usize>,
) -> Outcome<()> {
    let mut progress: Option<(u64, Instant)> = None;
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                std::thread::sleep(Duration::from_micros(500));
            }
            Err((error, _)) => return Err(error.into()),
        }
        let acked = answers.now().acked;
        let (known, since) = *progress.get_or_insert_with(|| (acked, Instant::now()));
        if acked > known {
            progress = None;
        } else if since.elapsed() > PATIENCE {
            return Err(format!("{acked} records were acknowledged, then none for {PATIENCE:?}").into());
        }
    }
}

/// Half of it does not compress, half does: words of a simple generator, each twice.
fn filling(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut filling = Vec::with_capacity(bytes + 16);
    while filling.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        filling.extend_from_slice(&state.to_le_bytes());
        filling.extend_from_slice(&state.to_le_bytes());
    }
    filling.truncate(bytes);
    filling
}

type Consumer = JoinHandle<Outcome<(u64, Latencies)>>;

/// Each takes every n-th partition, by hand: from where it is told to the last record that there will be.
fn start_consumers(options: &Arc<Options>) -> Outcome<Vec<Consumer>> {
    let mut ready = Vec::new();
    let mut expected = if options.producers > 0 { options.records } else { 0 };
    for number in 0..options.consumers {
        let mut config = options.client()?;
        config.set("group.id", "benchmark").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create()?;
        let mut places = TopicPartitionList::new();
        for partition in (number as i32..options.partitions).step_by(options.consumers as usize) {
            let (low, high) = consumer.fetch_watermarks(&options.topic, partition, PATIENCE)?;
            let from = if options.from == From::Beginning { low } else { high };
            expected += (high - from) as u64;
            places.add_partition_offset(&options.topic, partition, Offset::Offset(from))?;
        }
        consumer.assign(&places)?;
        ready.push(consumer);
    }
    let seen = Arc::new(AtomicU64::new(0));
    let start = |consumer| {
        let seen = Arc::clone(&seen);
        std::thread::spawn(move || consume(&consumer, &seen, expected))
    };
    Ok(ready.into_iter().map(start).collect())
}

fn consume(consumer: &BaseConsumer, seen: &AtomicU64, expected: u64) -> Outcome<(u64, Latencies)> {
    let (mut own, mut latencies) = (0, Latencies::default());
    let mut progress = (0, Instant::now());
    loop {
        let all = seen.load(Ordering::Relaxed);
        if all >= expected {
            return Ok((own, latencies));
        }
        match consumer.poll(TICK) {
            Some(message) => {
                let message = message?;
                let sent = message.payload().and_then(|value| value.first_chunk());
                latencies.add(now_us().saturating_sub(u64::from_be_bytes(*sent.ok_or("a foreign record")?)));
                own += 1;
                seen.fetch_add(1, Ordering::Relaxed);
            }
            None if all > progress.0 => progress = (all, Instant::now()),
            None if progress.1.elapsed() > PATIENCE => {
                return Err(format!("{all} of {expected} records came").into());
            }
            None => {}
        }
    }
}
