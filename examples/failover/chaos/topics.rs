//! Topics made and deleted throughout a run: what was acknowledged holds for whoever asks for a change later, and what was refused for
//! good has not happened. Some take records, wherever they are.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafkaesque::runtime::Rng;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;

use super::truth::Truth;
use crate::load;

const PREFIX: &str = "churn-";
const LIMIT: Duration = Duration::from_secs(10);
/// The time that brokers have to hear of the last change.
const SETTLING: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    There,
    Gone,
    /// Nobody knows whether the last change was made.
    Open,
}

pub struct Topics {
    admin: AdminClient<DefaultClientContext>,
    lookup: BaseConsumer,
    producer: FutureProducer,
    runtime: tokio::runtime::Runtime,
    known: BTreeMap<String, Known>,
    /// After the last record that was acknowledged, of topics that are there.
    ends: BTreeMap<String, i64>,
    truth: Truth,
    rng: Rng,
}

impl Topics {
    pub fn new(bootstrap: &str, truth: &Truth, rng: Rng) -> Topics {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let mut producer = load::client(bootstrap);
        producer.set("message.timeout.ms", LIMIT.as_millis().to_string());
        Topics {
            admin: load::client(bootstrap).create().expect("an admin client"),
            lookup: load::client(bootstrap).create().expect("a client"),
            producer: producer.create().expect("a producer"),
            runtime: runtime.expect("a runtime"),
            known: BTreeMap::new(),
            ends: BTreeMap::new(),
            truth: truth.clone(),
            rng,
        }
    }

    /// Makes and deletes until the run is over.
    pub fn churn(mut self) -> Topics {
        let mut next = 0;
        while !self.truth.is_over() {
            std::thread::sleep(Duration::from_millis(self.rng.below(400)));
            next += 1;
            match self.rng.below(12) {
                0..3 => self.make(&format!("{PREFIX}{next}"), false),
                3 => self.make(&format!("{PREFIX}{next}"), true),
                4..8 => self.write(),
                _ => {
                    let names: Vec<String> = self.known.keys().cloned().collect();
                    if let Some(name) = names.get(self.rng.below(names.len() as u64) as usize) {
                        let makes = self.rng.below(2) == 0;
                        if makes { self.make(name, false) } else { self.delete(name) }
                    }
                }
            }
        }
        self
    }

    fn make(&mut self, name: &str, is_wrong: bool) {
        let before = self.known.insert(name.to_owned(), Known::Open);
        let mut topic = NewTopic::new(name, 2, TopicReplication::Fixed(1));
        if is_wrong {
            topic = topic.set("cleanup.policy", "nonsense");
        }
        let options = AdminOptions::new().request_timeout(Some(LIMIT));
        let made = self.runtime.block_on(self.admin.create_topics([&topic], &options));
        let Some(answer) = made.ok().and_then(|answers| answers.into_iter().next()) else { return };
        let now = match answer {
            Ok(_) => {
                self.truth.count("topics made");
                self.truth.check(before != Some(Known::There) && !is_wrong, || {
                    format!("topic {name} was made, and {before:?} before")
                });
                Known::There
            }
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {
                self.truth.check(matches!(before, Some(Known::There | Known::Open)), || {
                    format!("topic {name} is said to be there, and is {before:?}")
                });
                Known::There
            }
            Err((_, RDKafkaErrorCode::InvalidConfig)) => {
                self.truth.count("topics refused");
                before.unwrap_or(Known::Gone)
            }
            Err(_) => Known::Open,
        };
        self.known.insert(name.to_owned(), now);
    }

    /// One record to a topic that is there.
    fn write(&mut self) {
        let there = self.known.iter().filter(|(_, known)| **known == Known::There);
        let there: Vec<&String> = there.map(|(name, _)| name).collect();
        let Some(name) = there.get(self.rng.below(there.len() as u64) as usize) else { return };
        let record: FutureRecord<'_, (), str> = FutureRecord::to(name).partition(0).payload("value");
        let Ok(written) = self.runtime.block_on(self.producer.send(record, LIMIT)) else { return };
        self.truth.count("records of topics made meanwhile");
        let end = self.ends.entry((*name).clone()).or_default();
        self.truth.check(written.offset >= *end, || {
            format!("topic {name} took a record at {}, after one at {}", written.offset, *end - 1)
        });
        *end = written.offset + 1;
    }

    fn delete(&mut self, name: &str) {
        self.ends.remove(name);
        let before = self.known.insert(name.to_owned(), Known::Open);
        let options = AdminOptions::new().request_timeout(Some(LIMIT));
        let deleted = self.runtime.block_on(self.admin.delete_topics(&[name], &options));
        let Some(answer) = deleted.ok().and_then(|answers| answers.into_iter().next()) else { return };
        let now = match answer {
            Ok(_) => {
                self.truth.count("topics deleted");
                self.truth.check(before != Some(Known::Gone), || format!("topic {name} was deleted twice"));
                Known::Gone
            }
            Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {
                self.truth.check(before != Some(Known::There), || format!("topic {name} is lost"));
                Known::Gone
            }
            Err(_) => Known::Open,
        };
        self.known.insert(name.to_owned(), now);
    }

    /// Looks whether all is as it was told.
    pub fn look(&self) {
        let begun = Instant::now();
        loop {
            let wrong = self.wrong();
            if wrong.is_empty() {
                return;
            }
            if begun.elapsed() > SETTLING {
                wrong.into_iter().for_each(|wrong| self.truth.broken(wrong));
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn wrong(&self) -> Vec<String> {
        let Ok(metadata) = self.lookup.fetch_metadata(None, LIMIT) else {
            return vec!["nobody tells of topics".to_owned()];
        };
        let is_there = |name: &str| metadata.topics().iter().any(|topic| topic.name() == name);
        let settled = self.known.iter().filter(|(_, known)| **known != Known::Open);
        let wrong = settled.filter(|(name, known)| is_there(name) != (**known == Known::There));
        let wrong = wrong.map(|(name, known)| format!("topic {name} is not {known:?}"));
        wrong.chain(self.shorter()).collect()
    }

    /// Topics that hold less than they took.
    fn shorter(&self) -> Vec<String> {
        let there = self.ends.iter().filter(|(name, _)| self.known.get(*name) == Some(&Known::There));
        let found = there.filter_map(|(name, end)| {
            let found = self.lookup.fetch_watermarks(name, 0, LIMIT).map_or(-1, |(_, high)| high);
            (found < *end).then(|| format!("topic {name} ends at {found}, and was to end at {end}"))
        });
        found.collect()
    }
}
