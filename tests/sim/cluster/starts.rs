//! The start of a partition never goes back, whoever leads it, and nothing goes that nobody asked to delete, or that is to be kept.

use std::collections::BTreeMap;
use std::ops::Range;

use kafkaesque::protocol::messages::delete_records;

use super::clients::{Client, TOPIC, is_retriable};
use super::process::Process;
use super::proofs::{self, EARLIEST};
use super::world::{Phase, World};
use crate::truth::{Check, Violation};

const VERSION: i16 = 2;
/// Partitions of which records are deleted. Of the others all is there in the end.
const DELETED: Range<i32> = 2..4;
/// The most bytes that one record takes: it has a batch of its own.
const RECORD_BYTES: u64 = 100;

#[derive(Default)]
pub struct Starts {
    /// By partition: up to where somebody asked to delete.
    asked: BTreeMap<i32, i64>,
    /// By partition: up to where somebody was told that it is deleted.
    told: BTreeMap<i32, i64>,
    /// By partition: the most records that there may be.
    sent: BTreeMap<i32, i64>,
    /// Records of each partition that are kept at least, if not all are.
    kept: Option<i64>,
}

impl Starts {
    /// The least start that a broker may tell of, if it is asked now.
    pub fn least(&self, partition: i32) -> i64 {
        self.told.get(&partition).copied().unwrap_or(0)
    }

    /// Only so many bytes of each partition are kept.
    pub fn keep(&mut self, bytes: u64) {
        self.kept = Some(bytes.div_ceil(RECORD_BYTES) as i64);
    }

    /// Records are on their way.
    pub fn sent(&mut self, partition: i32, count: i64) {
        *self.sent.entry(partition).or_default() += count;
    }

    fn asked(&self, partition: i32) -> i64 {
        self.asked.get(&partition).copied().unwrap_or(0)
    }

    /// The greatest start that a broker may tell of.
    fn most(&self, partition: i32) -> i64 {
        let sent = self.sent.get(&partition).copied().unwrap_or(0);
        self.kept.map_or(0, |kept| sent - kept).max(self.asked(partition))
    }

    /// A partition has so many records from its start on, when everything is over.
    pub fn has_kept(&mut self, partition: i32, start: i64, count: usize) -> Check {
        self.starts_at(partition, start, self.least(partition))?;
        let kept = self.kept.unwrap_or(0);
        if start > self.asked(partition) && (count as i64) < kept {
            return Err(Violation::Promise(format!(
                "partition {partition} has {count} records from {start} on, and {kept} are to be kept"
            )));
        }
        Ok(())
    }

    /// Somebody was told where a partition starts; it could not be less than `least`.
    pub fn starts_at(&mut self, partition: i32, start: i64, least: i64) -> Check {
        let most = self.most(partition);
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
    let check = world.told(|told| told.starts.starts_at(partition, answer.low_watermark, least.max(before)));
    world.judge(check);
    true
}

/// The start of a partition, after somebody was told that `position` is not in it.
pub async fn after_deletion(world: &World, process: &Process, partition: i32, position: i64) -> Option<i64> {
    let most = world.told(|told| told.starts.most(partition));
    if position >= most {
        let problem = format!(
            "{position} of partition {partition} is out of range, and it may start at {most} at most"
        );
        world.judge(Err(Violation::Promise(problem)));
    }
    proofs::ask(world, process, partition, EARLIEST).await
}
