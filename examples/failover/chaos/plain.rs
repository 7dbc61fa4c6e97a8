//! A producer that is not idempotent: what it was told is there, where it was told; what was refused for good is not there. A record
//! may be there twice: librdkafka sends it again, whatever `retries` says, when its partition is led elsewhere by then, and whoever
//! led it, as in Kafka, may have stored it before that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};

use super::truth::Truth;
use crate::{check, load};

pub const TOPIC: &str = "plain";
pub const PARTITIONS: usize = 4;
/// The largest batch that the topic takes.
pub const MOST_BYTES: usize = 4_000;
const FLUSH: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);
/// One record in so many is too large.
const TOO_LARGE_EVERY: u64 = 97;

pub struct Plain {
    producer: Arc<ThreadedProducer<Answers>>,
    writer: JoinHandle<u64>,
}

/// What the brokers answered, by the number of a record.
#[derive(Default)]
struct Answers {
    acked: Mutex<BTreeMap<u64, (i32, i64)>>,
    refused: Mutex<BTreeSet<u64>>,
}

impl ClientContext for Answers {}

impl ProducerContext for Answers {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match result {
            Ok(message) => {
                self.acked.lock().insert(number as u64, (message.partition(), message.offset()));
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                self.refused.lock().insert(number as u64);
            }
            Err(_) => {}
        }
    }
}

impl Plain {
    pub fn start(bootstrap: &str, truth: &Truth) -> Plain {
        let mut config = load::client(bootstrap);
        config.set("acks", "all").set("retries", "0").set("message.timeout.ms", "5000");
        config
            .set("request.timeout.ms", "2000")
            .set("reconnect.backoff.max.ms", "1000")
            .set("linger.ms", "0");
        // A batch that is refused takes no other record with it.
        config.set("batch.num.messages", "1");
        let producer: ThreadedProducer<Answers> =
            config.create_with_context(Answers::default()).expect("a producer");
        let producer = Arc::new(producer);
        let (writing, truth) = (Arc::clone(&producer), truth.clone());
        let writer = std::thread::spawn(move || {
            let mut number = 0;
            while !truth.is_over() {
                send(&writing, number);
                number += 1;
                std::thread::sleep(PAUSE);
            }
            number
        });
        Plain { producer, writer }
    }

    /// Ends, and compares what is there with what was told.
    pub fn finish(self, bootstrap: &str, truth: &Truth) {
        let sent = self.writer.join().expect("the writer");
        let flushed = self.producer.flush(FLUSH);
        truth.check(flushed.is_ok(), || format!("plain records are not answered: {flushed:?}"));
        let answers = self.producer.context();
        let (acked, refused) = (answers.acked.lock(), answers.refused.lock());
        let mut there: BTreeMap<u64, Vec<(i32, i64)>> = BTreeMap::new();
        for (partition, records) in check::read_all(bootstrap, TOPIC, PARTITIONS).into_iter().enumerate() {
            for (offset, number) in records {
                there.entry(number).or_default().push((partition as i32, offset));
            }
        }
        for (number, place) in acked.iter() {
            let found = there.get(number);
            truth.check(found.is_some_and(|found| found.contains(place)), || {
                format!("plain record {number} was acknowledged at {place:?} and is at {found:?}")
            });
        }
        for number in refused.iter().filter(|number| there.contains_key(number)) {
            truth.broken(format!("plain record {number} was refused for good, and is there"));
        }
        let unknown = sent - acked.len() as u64 - refused.len() as u64;
        let again = there.values().filter(|places| places.len() > 1).count();
        println!(
            "plain: {} acknowledged, {} refused, {unknown} unknown, {} there, {again} of them again",
            acked.len(),
            refused.len(),
            there.len()
        );
    }
}

fn send(producer: &ThreadedProducer<Answers>, number: u64) {
    let width = if number % TOO_LARGE_EVERY == TOO_LARGE_EVERY - 1 { 2 * MOST_BYTES } else { 50 };
    let value = format!("{number:0width$}");
    let partition = (number % PARTITIONS as u64) as i32;
    let record: BaseRecord<'_, (), str, usize> =
        BaseRecord::with_opaque_to(TOPIC, number as usize).partition(partition).payload(&value);
    // A full queue is a record less.
    let _ = producer.send(record);
}
