//! Nothing acknowledged is lost, doubled or reordered, and two owners never acknowledge the same offset.

use std::collections::BTreeMap;
use std::ops::Range;

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::batch::Builder;
use kafkaesque::protocol::messages::{fetch, produce};

use super::clients::{Client, Leader, PARTITIONS, TOPIC, batches, is_retriable};
use super::process::Process;
use super::starts;
use super::world::{PATIENCE, Phase, World};
use crate::engine::build;
use crate::truth::{Check, Truth, Violation};
use crate::world::Contents;
use kafkaesque::types::WriterEpoch;

const PRODUCE: i16 = 12;
const FETCH: i16 = 12;
/// Records that are unanswered at a time.
const IN_FLIGHT: u64 = 4;

#[derive(Default)]
pub struct Records {
    truth: Truth,
    /// By partition: behind the last acknowledged offset.
    ends: BTreeMap<i32, i64>,
    /// By partition and leader epoch: the first offset that was written in it.
    begins: BTreeMap<(i32, i32), i64>,
    pub acked: usize,
    /// By partition.
    pub acked_of: BTreeMap<i32, usize>,
}

impl Records {
    /// The end of a partition, at least.
    pub fn end(&self, partition: i32) -> i64 {
        self.ends.get(&partition).copied().unwrap_or(0)
    }

    fn acknowledged(&mut self, partition: i32, offset: i64, value: &str) -> Check {
        self.acked += 1;
        *self.acked_of.entry(partition).or_default() += 1;
        let end = self.ends.entry(partition).or_default();
        *end = (offset + 1).max(*end);
        self.truth.acknowledged(WriterEpoch::NONE, partition, offset, value)
    }

    /// A batch of a leader epoch was read: epochs grow with offsets.
    fn written(&mut self, partition: i32, epoch: i32, first: i64, last: i64) -> Check {
        let begins = self.begins.entry((partition, epoch)).or_insert(first);
        *begins = first.min(*begins);
        let older = self.begins.range((partition, i32::MIN)..(partition, epoch)).next_back();
        let newer = self.begins.range((partition, epoch + 1)..=(partition, i32::MAX)).next();
        let wrong = |other: i32| {
            Err(Violation::Promise(format!(
                "partition {partition} has {first} to {last} in epoch {epoch}, on the wrong side of epoch {other}"
            )))
        };
        match (older, newer) {
            (Some(((_, other), begins)), _) if *begins >= first => wrong(*other),
            (_, Some(((_, other), begins))) if *begins <= last => wrong(*other),
            _ => Ok(()),
        }
    }

    /// Somebody asks to delete up to `before`.
    pub fn may_delete(&mut self, partition: i32, before: i64) {
        self.truth.may_delete(partition, before);
    }

    /// All of a partition from its start on, when everything is over.
    pub fn found(&mut self, partition: i32, log_start: i64, records: Vec<(i64, String)>) -> Check {
        let contents = Contents { log_start, high_watermark: log_start + records.len() as i64, records };
        self.truth.opened(WriterEpoch(1), partition, &contents)
    }
}

/// A client that produces.
struct Producer {
    client: Client,
    partition: i32,
    id: i64,
    is_idempotent: bool,
    /// One that is not idempotent is another one after each failure: what it gave up may come later.
    life: u32,
    /// The times of records by number: sent again, a record is the same.
    times: BTreeMap<i32, i64>,
}

/// Produces until the cluster settles, and until everything is answered.
pub async fn produce(world: World, id: i64, is_idempotent: bool) {
    let partition = (id % i64::from(PARTITIONS)) as i32;
    let mut producer = Producer {
        client: Client::new(&world),
        partition,
        id,
        is_idempotent,
        life: 0,
        times: BTreeMap::new(),
    };
    let mut next = 0;
    while world.phase() == Phase::Working {
        world.sleep_ms(world.below(500)).await;
        if world.below(10) == 0 {
            producer.client.refresh().await;
        }
        let end = next + 1 + world.below(IN_FLIGHT) as i32;
        while next < end {
            next = producer.send(next..end).await;
            if !is_idempotent && next < end {
                producer.life += 1;
                next = end;
            }
        }
    }
}

impl Producer {
    fn value(&self, number: i32) -> String {
        match self.is_idempotent {
            true => format!("i{}/{number}", self.id),
            false => format!("p{}-{}/{number}", self.id, self.life),
        }
    }

    fn request(&mut self, number: i32) -> produce::Request {
        let value = self.value(number);
        let builder = match self.is_idempotent {
            true => Builder::new().producer(self.id, 0, number),
            false => Builder::new(),
        };
        let time_ms = *self.times.entry(number).or_insert(self.client.world.now_ms());
        let batch = build(builder, time_ms, &[&value]);
        let records = Some(batch.to_bytes().into());
        let data = produce::PartitionProduceData { index: self.partition, records };
        let topic = produce::TopicProduceData {
            name: TOPIC.to_owned(),
            partition_data: vec![data],
            ..Default::default()
        };
        produce::Request { acks: -1, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() }
    }

    /// Sends records once, one behind the other. The first that was not acknowledged.
    async fn send(&mut self, numbers: Range<i32>) -> i32 {
        let world = self.client.world.clone();
        let leader = self.client.leader(self.partition);
        let Some((leader, process)) = leader.filter(|(_, process)| !world.is_shunned(process.id)) else {
            self.client.refresh().await;
            return numbers.start;
        };
        let requests = numbers.clone().map(|number| self.request(number)).collect();
        world.told(|told| told.starts.sent(self.partition, numbers.len() as i64));
        let answers = world.ask_all(&process, requests, PRODUCE, PATIENCE).await;
        let mut acked = numbers.start;
        let mut all = true;
        for (number, answer) in numbers.zip(answers) {
            let answer = answer.map(|mut answer| answer.responses.remove(0).partition_responses.remove(0));
            match answer {
                Some(answer) if answer.error_code == 0 => {
                    self.acknowledged(number, answer.base_offset, leader);
                    if all {
                        acked = number + 1;
                    }
                }
                Some(answer) => {
                    self.refused(number, answer.error_code, leader, all);
                    all = false;
                }
                None => all = false,
            }
        }
        if !all {
            self.client.refresh().await;
        }
        acked
    }

    fn acknowledged(&self, number: i32, offset: i64, leader: Leader) {
        let (value, partition, world) = (self.value(number), self.partition, &self.client.world);
        world.note(format!("{value} acked at {partition}, {offset} by {}", leader.broker));
        let check = world.told(|told| {
            told.starts.acknowledged(partition, offset, self.times[&number]);
            told.records.acknowledged(partition, offset, &value)
        });
        world.judge(check);
    }

    /// Behind a record that was not taken, a gap is no surprise.
    fn refused(&self, number: i32, code: i16, leader: Leader, is_first: bool) {
        let is_gap = code == ErrorCode::OutOfOrderSequenceNumber.code();
        if !is_retriable(code) && (is_first || !is_gap) {
            let problem = format!("{} was refused by {}: {code}", self.value(number), leader.broker);
            self.client.world.judge(Err(Violation::Promise(problem)));
        }
    }
}

/// Reads a partition over and over, from its beginning or from where the last time ended.
pub async fn consume(world: World, partition: i32) {
    let mut client = Client::new(&world);
    let mut position = 0;
    while world.phase() == Phase::Working {
        world.sleep_ms(world.below(1_000)).await;
        if world.below(10) == 0 {
            position = 0;
        }
        match client.leader(partition) {
            None => client.refresh().await,
            Some((leader, process)) => match read(&world, &process, leader, partition, position).await {
                Read::Records(read) => position += read.len() as i64,
                Read::From(start) => position = start,
                Read::Nothing => client.refresh().await,
            },
        }
    }
}

/// All of a partition, and where it starts.
pub async fn read_all(world: &World, partition: i32) -> (i64, Vec<(i64, String)>) {
    let mut client = Client::new(world);
    let (mut from, mut all) = (0, Vec::new());
    loop {
        let Some((leader, process)) = client.leader(partition) else {
            client.refresh().await;
            continue;
        };
        match read(world, &process, leader, partition, from + all.len() as i64).await {
            Read::Records(read) if read.is_empty() => return (from, all),
            Read::Records(read) => all.extend(read),
            Read::From(start) => (from, all) = (start, Vec::new()),
            Read::Nothing => client.refresh().await,
        }
    }
}

/// The outcome of a fetch.
enum Read {
    Records(Vec<(i64, String)>),
    /// The start of the partition: the asked offset is deleted.
    From(i64),
    /// The broker does not say.
    Nothing,
}

/// The records from `position` on that one fetch gives.
async fn read(world: &World, process: &Process, leader: Leader, partition: i32, position: i64) -> Read {
    let least = world.told(|told| told.watermarks.least(partition, leader.epoch));
    let asked = fetch::FetchPartition {
        partition,
        current_leader_epoch: leader.epoch,
        fetch_offset: position,
        partition_max_bytes: 1 << 20,
        last_fetched_epoch: -1,
        ..Default::default()
    };
    let topic = fetch::FetchTopic { topic: TOPIC.to_owned(), partitions: vec![asked], ..Default::default() };
    let request = fetch::Request {
        max_wait_ms: 100,
        min_bytes: 0,
        max_bytes: 1 << 20,
        topics: vec![topic],
        ..Default::default()
    };
    let answer = world.ask(process, request, FETCH).await;
    let found = answer.and_then(|mut answer| answer.responses.pop()?.partitions.pop());
    let Some(found) = found else { return Read::Nothing };
    if found.error_code == ErrorCode::OffsetOutOfRange.code() {
        let start = starts::after_deletion(world, process, partition, position).await;
        return start.map_or(Read::Nothing, Read::From);
    }
    if found.error_code != 0 {
        if !is_retriable(found.error_code) {
            let problem = format!("a fetch at {partition}, {position} was refused: {}", found.error_code);
            world.judge(Err(Violation::Promise(problem)));
        }
        return Read::Nothing;
    }
    let check = world.told(|told| told.watermarks.high(partition, leader.epoch, found.high_watermark, least));
    world.judge(check);
    let bytes = found.records.map(|records| records.into_bytes()).unwrap_or_default();
    let mut values = Vec::new();
    for (epoch, records) in batches(bytes) {
        let (Some((first, _)), Some((last, _))) = (records.first(), records.last()) else { continue };
        let check = world.told(|told| told.records.written(partition, epoch, *first, *last));
        world.judge(check);
        values.extend(records);
    }
    values.retain(|(offset, _)| *offset >= position);
    for (offset, value) in &values {
        let check = world.told(|told| told.records.truth.seen(partition, *offset, value));
        world.judge(check);
    }
    Read::Records(values)
}
