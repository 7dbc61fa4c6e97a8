//! Our broker and Kafka, asked the same.

use std::time::Duration;

use kafkaesque::protocol::batch::{Builder, NewRecord};
use kafkaesque::protocol::codec::Request;
use kafkaesque::protocol::messages::{
    create_topics, delete_topics, find_coordinator, init_producer_id, metadata, offset_commit, produce,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::brokers::Brokers;
use crate::catalog::{Api, Recipe};
use crate::connection::{Connection, PATIENCE, Reply};
use crate::differences::{Difference, differences};
use crate::permitted::is_permitted;
use crate::shape::Names;
use crate::vocabulary::{DOOMED, FIRST_TIMESTAMP, GROUPS, GROWING, TOPICS};

/// One broker, and what its own values are called.
pub struct Side {
    pub connection: Connection,
    pub names: Names,
}

impl Side {
    fn new(port: u16) -> Side {
        let names = Names { port: port.into(), ..Names::default() };
        Side { connection: Connection::new(port), names }
    }

    /// The id of a topic that is there.
    pub fn id(&self, topic: &str) -> Uuid {
        let found = self.names.topics.iter().find(|(_, name)| name.as_str() == topic);
        found.map(|(id, _)| *id).unwrap_or_default()
    }

    /// Every topic and its partitions; their ids are remembered.
    fn learn_topics(&mut self) -> Vec<(String, usize)> {
        let request = metadata::Request { topics: None, ..metadata::Request::default() };
        let answer = self.connection.ask(&request, 12);
        let mut topics = Vec::new();
        self.names.topics.retain(|_, name| !TOPICS.iter().any(|(topic, _)| topic == name));
        for topic in answer.topics.into_iter().filter(|topic| !topic.is_internal) {
            let name = topic.name.unwrap_or_default();
            self.names.topics.insert(topic.topic_id, name.clone());
            topics.push((name, topic.partitions.len()));
        }
        topics.sort();
        topics
    }
}

/// Both brokers.
pub struct Pair {
    pub ours: Side,
    pub theirs: Side,
    _brokers: Brokers,
}

/// What came of asking both.
pub struct Asked {
    pub request: Json,
    pub ours: Json,
    pub theirs: Json,
    pub spoilt: usize,
}

impl Asked {
    /// The differences that nobody meant.
    pub fn differences(&self, api: &str) -> Vec<Difference> {
        let mut found = differences(&self.ours, &self.theirs);
        found.retain(|difference| !is_permitted(api, difference));
        found
    }

    /// Kafka's handler threw: there is no answer to compare with.
    pub fn kafka_failed(&self) -> bool {
        has_failed(&self.theirs)
    }
}

/// Whether `UNKNOWN_SERVER_ERROR` stands in any error code.
fn has_failed(answer: &Json) -> bool {
    match answer {
        Json::Object(fields) => fields
            .iter()
            .any(|(name, value)| name == "error_code" && *value == json!(-1) || has_failed(value)),
        Json::Array(list) => list.iter().any(has_failed),
        _ => false,
    }
}

impl Pair {
    pub fn new(brokers: Brokers) -> Pair {
        let (ours, theirs) = (Side::new(brokers.our_port), Side::new(brokers.their_port));
        Pair { ours, theirs, _brokers: brokers }
    }

    /// The same question to both; the answer must be there.
    pub fn both<R: Request>(&mut self, request: &R, version: i16) -> (R::Response, R::Response) {
        (self.ours.connection.ask(request, version), self.theirs.connection.ask(request, version))
    }

    /// Makes a request for each, cut short by a byte if it was to be bad and has no wrong word, and asks both.
    pub fn ask(&mut self, api: &Api, recipe: Recipe) -> Asked {
        let mut answers = Vec::new();
        let mut request = Json::Null;
        let mut spoilt = 0;
        for side in [&mut self.ours, &mut self.theirs] {
            let mut made = (api.make)(recipe, &|topic| side.id(topic), &side.names);
            if recipe.is_bad && made.spoilt == 0 {
                cut(&mut made.frame);
                made.spoilt = 1;
            }
            answers.push(match side.connection.exchange(&made.frame) {
                Reply::Closed => "the connection closed".into(),
                Reply::Silence => format!("silence for {PATIENCE:?}").into(),
                Reply::Frame(frame) => (api.read)(&frame, recipe.version, &side.names),
            });
            (request, spoilt) = (made.shown, made.spoilt);
        }
        let theirs = answers.pop().unwrap_or_default();
        let ours = answers.pop().unwrap_or_default();
        Asked { request, ours, theirs, spoilt }
    }

    /// Brings both to the same state: the topics of the vocabulary with records in them, and committed offsets.
    pub fn reset(&mut self, needs_topics: &[&[&str]]) {
        for side in [&mut self.ours, &mut self.theirs] {
            let topics = side.learn_topics();
            let strangers = topics.iter().filter(|(name, _)| !TOPICS.iter().any(|(topic, _)| topic == name));
            delete(side, strangers.map(|(name, _)| name.clone()).collect());
            let missing = TOPICS.iter().filter(|(name, _)| !topics.iter().any(|(topic, _)| topic == name));
            let mut wanted: Vec<(&str, i32)> = missing.copied().collect();
            wanted.extend(needs_topics.concat().iter().map(|name| (*name, 1)));
            create(side, &wanted);
        }
        self.wait_until_alike();
        for side in [&mut self.ours, &mut self.theirs] {
            GROUPS.iter().for_each(|group| commit(side, group));
        }
    }

    /// Kafka's broker hears of what its controller did a little later.
    pub fn wait_until_alike(&mut self) {
        for _ in 0..200 {
            if self.ours.learn_topics() == self.theirs.learn_topics() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("topics: ours {:?}, theirs {:?}", self.ours.learn_topics(), self.theirs.learn_topics());
    }

    /// Waits until both have a coordinator: Kafka makes the topic of offsets when it is first asked for one.
    pub fn wait_for_coordinators(&mut self) {
        self.wait_for_producer_ids();
        for key_type in [0, 1] {
            let request =
                find_coordinator::Request { key: GROUPS[0].to_owned(), key_type, ..Default::default() };
            for n in 0.. {
                let (ours, theirs) = self.both(&request, 3);
                if theirs.error_code == 0 && (key_type == 1 || ours.error_code == 0) {
                    break;
                }
                assert!(n < 200, "no coordinator of type {key_type}: {ours:?}, Kafka's {theirs:?}");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// Kafka's broker has to be given a block of producer ids by its controller.
    fn wait_for_producer_ids(&mut self) {
        let request = init_producer_id::Request { transactional_id: None, ..Default::default() };
        for n in 0.. {
            let (ours, theirs) = self.both(&request, 4);
            if ours.error_code == 0 && theirs.error_code == 0 {
                return;
            }
            assert!(n < 200, "no producer ids: {ours:?}, Kafka's {theirs:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The first records, so that there is something to fetch.
    pub fn write_records(&mut self) {
        for (topic, partitions) in TOPICS {
            for index in 0..*partitions {
                for side in [&mut self.ours, &mut self.theirs] {
                    write(side, &records(topic, index));
                }
            }
        }
    }
}

/// Takes the last byte of the body away, and says so in the length.
fn cut(frame: &mut Vec<u8>) {
    frame.pop();
    let length = (frame.len() - 4) as u32;
    frame[..4].copy_from_slice(&length.to_be_bytes());
}

pub fn create(side: &mut Side, topics: &[(&str, i32)]) {
    // The first records are old.
    let forever =
        create_topics::CreatableTopicConfig { name: "retention.ms".to_owned(), value: Some("-1".to_owned()) };
    let topics = topics.iter().map(|(name, partitions)| create_topics::CreatableTopic {
        name: (*name).to_owned(),
        num_partitions: *partitions,
        replication_factor: 1,
        configs: vec![forever.clone()],
        ..Default::default()
    });
    let request = create_topics::Request { topics: topics.collect(), ..Default::default() };
    for topic in side.connection.ask(&request, 7).topics {
        assert!([0, 36].contains(&topic.error_code), "{topic:?}");
    }
}

fn delete(side: &mut Side, names: Vec<String>) {
    let request = delete_topics::Request { topic_names: names, timeout_ms: 10_000, ..Default::default() };
    side.connection.ask(&request, 5);
}

fn commit(side: &mut Side, group: &str) {
    let partition = |index| offset_commit::OffsetCommitRequestPartition {
        partition_index: index,
        committed_offset: 1,
        ..Default::default()
    };
    let topics = TOPICS.iter().map(|(name, partitions)| offset_commit::OffsetCommitRequestTopic {
        name: (*name).to_owned(),
        partitions: (0..*partitions).map(partition).collect(),
        ..Default::default()
    });
    let group_id = group.to_owned();
    let request = offset_commit::Request { group_id, topics: topics.collect(), ..Default::default() };
    for _ in 0..100 {
        let answer = side.connection.ask(&request, 8);
        if answer.topics.iter().flat_map(|topic| &topic.partitions).all(|partition| partition.error_code == 0)
        {
            return;
        }
        // Kafka makes the topic of offsets when it is first asked for.
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("offsets of {group} cannot be committed");
}

/// Writes once. Kafka's broker may not have heard yet that it leads a new partition.
fn write(side: &mut Side, request: &produce::Request) {
    for _ in 0..200 {
        let answer = side.connection.ask(request, 9);
        if answer.responses[0].partition_responses[0].error_code == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("records of {} cannot be written", request.topic_data[0].name);
}

fn records(topic: &str, index: i32) -> produce::Request {
    let mut builder = Builder::new();
    for n in 0..5 {
        let timestamp = FIRST_TIMESTAMP + n;
        builder = builder.record(&NewRecord { timestamp, value: Some(b"first"), ..NewRecord::default() });
    }
    let batch = builder.build().expect("a batch without compression").to_bytes();
    let partition = produce::PartitionProduceData { index, records: Some(batch.into()) };
    let name = topic.to_owned();
    let topic = produce::TopicProduceData { name, partition_data: vec![partition], ..Default::default() };
    produce::Request { acks: -1, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() }
}

/// The further topics that requests of an API are about.
pub fn topics_for(api: &str) -> &'static [&'static [&'static str]] {
    match api {
        "DeleteTopics" => &[DOOMED],
        "CreatePartitions" => &[GROWING],
        _ => &[],
    }
}
