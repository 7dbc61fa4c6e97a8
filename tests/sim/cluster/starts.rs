//! The start of a partition never goes back, whoever leads it, and nothing goes that nobody asked to delete, or that is to be kept.

use std::collections::BTreeMap;
use std::ops::Range;

use kafkaesque::protocol::messages::delete_records;

use super::clients::{Client, TOPIC, is_retriable};
use super::process::Process;
use super::proofs::{self, EARLIEST};
use super::world::{Phase, SKEW_MS, World};
use crate::truth::{Check, Violation};

const VERSION: i16 = 2;
/// Partitions of which records are deleted. Of the others all is there in the end.
const DELETED: Range<i32> = 2..4;
/// The most bytes that one record takes: it has a batch of its own.
const RECORD_BYTES: u64 = 100;

/// The records of each partition that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    #[default]
    All,
    /// The last ones, of so many bytes.
    Bytes(u64),
    /// Those that are no older.
    Millis(i64),
}

#[derive(Default)]
pub struct Starts {
    /// By partition: up to where somebody asked to delete.
    asked: BTreeMap<i32, i64>,
    /// By partition: up to where somebody was told that it is deleted.
    told: BTreeMap<i32, i64>,
    /// By partition: the most records that there may be.
    sent: BTreeMap<i32, i64>,
    /// By partition: the times of acknowledged records, by offset.
    times: BTreeMap<i32, BTreeMap<i64, i64>>,
    pub kept: Kept,
}

impl Starts {
    /// The least start that a broker may tell of, if it is asked now.
    pub fn least(&self, partition: i32) -> i64 {
        self.told.get(&partition).copied().unwrap_or(0)
    }

    /// Records are on their way.
    pub fn sent(&mut self, partition: i32, count: i64) {
        *self.sent.entry(partition).or_default() += count;
    }

    /// A record of this time is there.
    pub fn acknowledged(&mut self, partition: i32, offset: i64, time_ms: i64) {
        self.times.entry(partition).or_default().insert(offset, time_ms);
    }

    fn asked(&self, partition: i32) -> i64 {
        self.asked.get(&partition).copied().unwrap_or(0)
    }

    /// The greatest start that a broker may have told of until now.
    fn most(&self, partition: i32, now_ms: i64) -> i64 {
        let sent = self.sent.get(&partition).copied().unwrap_or(0);
        let expired = match self.kept {
            Kept::All => 0,
            Kept::Bytes(bytes) => sent - records_of(bytes),
            Kept::Millis(age) => {
                let is_kept = |time: i64| time + age > now_ms + SKEW_MS as i64;
                let mut times = self.times.get(&partition).into_iter().flatten();
                times.find(|(_, time)| is_kept(**time)).map_or(sent, |(offset, _)| *offset)
            }
        };
        expired.max(self.asked(partition))
    }

    /// A partition has so many records from its start on, when everything is over.
    pub fn has_kept(&mut self, partition: i32, start: i64, count: usize, now_ms: i64) -> Check {
        self.starts_at(partition, start, self.least(partition), now_ms)?;
        let Kept::Bytes(bytes) = self.kept else { return Ok(()) };
        let kept = records_of(bytes);
        if start > self.asked(partition) && (count as i64) < kept {
            return Err(Violation::Promise(format!(
                "partition {partition} has {count} records from {start} on, and {kept} are to be kept"
            )));
        }
        Ok(())
    }

    /// Somebody was told where a partition starts; it could not be less than `least`.
    pub fn starts_at(&mut self, partition: i32, start: i64, least: i64, now_ms: i64) -> Check {
        let most = self.most(partition, now_ms);
        if start < least || start > most {
            return Err(Violation::Promise(format!(
                "partition {partition} starts at {start}: it may start at {most} at most, and told of {least} before"
            )));
        }
        let told = self.told.entry(partition).or_default();
        *told = start.max(*told);
        Ok(())
    }
}

/// Records that are left at least where so many bytes are kept.
fn records_of(bytes: u64) -> i64 {
    bytes.div_ceil(RECORD_BYTES) as i64
}

/// Deletes what is in front, over and over.
pub async fn delete(world: World) {
    let mut client = Client::new(&world);
    while world.phase() == Phase::Working {
        world.sleep_ms(world.below(2_000)).await;
        let partition = DELETED.start + world.below(DELETED.len() as u64) as i32;
        match client.leader(partition) {
            Some((_, process)) if !world.is_shunned(process.id) => {
                if !delete_some(&world, &process, partition).await {
                    client.refresh().await;
                }
            }
            _ => client.refresh().await,
        }
    }
}

/// True if the leader did so.
async fn delete_some(world: &World, process: &Process, partition: i32) -> bool {
    let end = world.told(|told| told.records.end(partition));
    let before = world.below(end as u64 + 1) as i64;
    let least = world.told(|told| {
        let asked = told.starts.asked.entry(partition).or_default();
        *asked = before.max(*asked);
        told.records.may_delete(partition, before);
        told.starts.least(partition)
    });
    let asked = delete_records::DeleteRecordsPartition { partition_index: partition, offset: before };
    let topic = delete_records::DeleteRecordsTopic { name: TOPIC.to_owned(), partitions: vec![asked] };
    let request = delete_records::Request { topics: vec![topic], timeout_ms: 10_000 };
    let Some(answer) = world.ask(process, request, VERSION).await else { return false };
    let answer = &answer.topics[0].partitions[0];
    if answer.error_code != 0 {
        if !is_retriable(answer.error_code) {
            let problem = format!(
                "{} does not delete up to {before} of {partition}: {}",
                process.id, answer.error_code
            );
            world.judge(Err(Violation::Promise(problem)));
        }
        return false;
    }
    world.note(format!("{partition} starts at {}, says {}", answer.low_watermark, process.id));
    let (start, least, now_ms) = (answer.low_watermark, least.max(before), world.now_ms());
    let check = world.told(|told| told.starts.starts_at(partition, start, least, now_ms));
    world.judge(check);
    true
}

/// The start of a partition, after somebody was told that `position` is not in it.
pub async fn after_deletion(world: &World, process: &Process, partition: i32, position: i64) -> Option<i64> {
    let now_ms = world.now_ms();
    let most = world.told(|told| told.starts.most(partition, now_ms));
    if position >= most {
        let problem = format!(
            "{position} of partition {partition} is out of range, and it may start at {most} at most"
        );
        world.judge(Err(Violation::Promise(problem)));
    }
    proofs::ask(world, process, partition, EARLIEST).await
}
