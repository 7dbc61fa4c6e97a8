//! The oracle: what somebody was told, or saw, and what must therefore be true for ever.

use std::collections::{BTreeMap, HashMap};

use crate::world::Contents;
use kafkaesque::types::WriterEpoch;

/// Why a run is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Somebody was told, or saw, what is not true.
    Promise(String),
    /// Nothing untrue was said, but nobody serves.
    Stuck(String),
}

pub type Check = Result<(), Violation>;

fn promise<T>(problem: String) -> Result<T, Violation> {
    Err(Violation::Promise(problem))
}

/// Acknowledged and seen records by place, and what each new owner found.
#[derive(Default)]
pub struct Truth {
    /// Each with the oldest writer epoch whose owner told of it.
    records: BTreeMap<(i32, i64), (String, WriterEpoch)>,
    /// By writer epoch: the end of each partition when that owner opened.
    opened: BTreeMap<(WriterEpoch, i32), i64>,
    /// By partition: up to where somebody asked for deletion.
    deletable: HashMap<i32, i64>,
    /// By partition and writer epoch: the log start that somebody was told.
    log_start: BTreeMap<(i32, WriterEpoch), i64>,
    pub acked: usize,
}

impl Truth {
    /// An owner of `epoch` acknowledged a record.
    pub fn acknowledged(&mut self, epoch: WriterEpoch, partition: i32, offset: i64, value: &str) -> Check {
        self.acked += 1;
        for ((newer, at), end) in &self.opened {
            if *newer > epoch && *at == partition && offset >= *end {
                return promise(format!(
                    "the owner of epoch {epoch} acknowledged {value} at {partition}, {offset}, but that of epoch \
                     {newer} opened with {end} records"
                ));
            }
        }
        self.note(epoch, partition, offset, value)
    }

    /// Somebody asks for deletion up to `before`.
    pub fn may_delete(&mut self, partition: i32, before: i64) {
        let deletable = self.deletable.entry(partition).or_default();
        *deletable = before.max(*deletable);
    }

    /// Somebody was told that the log of a partition starts there.
    pub fn starts_at(&mut self, epoch: WriterEpoch, partition: i32, log_start: i64) {
        let known = self.log_start.entry((partition, epoch)).or_default();
        *known = log_start.max(*known);
    }

    /// An owner of `epoch` has opened, and shows this.
    pub fn opened(&mut self, epoch: WriterEpoch, partition: i32, contents: &Contents) -> Check {
        let told = self.log_start.range((partition, WriterEpoch::NONE)..(partition, epoch));
        let start = told.map(|(_, start)| *start).max().unwrap_or(0);
        if contents.log_start < start {
            return promise(format!(
                "partition {partition} started at {start} and starts at {} in epoch {epoch}",
                contents.log_start
            ));
        }
        self.opened.insert((epoch, partition), contents.high_watermark);
        self.shown(epoch, partition, contents)?;
        let first = (partition, contents.log_start);
        for ((_, offset), (value, since)) in self.records.range(first..(partition, i64::MAX)) {
            // What newer owners told of is none of its business: it was overtaken before it opened.
            if *offset >= contents.high_watermark && *since < epoch {
                return promise(format!("{value} at {partition}, {offset} is lost in epoch {epoch}"));
            }
        }
        Ok(())
    }

    /// Any owner shows this: old ones may know less, but nothing else.
    pub fn shown(&mut self, epoch: WriterEpoch, partition: i32, contents: &Contents) -> Check {
        let deletable = self.deletable.get(&partition).copied().unwrap_or(0);
        if contents.log_start > deletable {
            return promise(format!(
                "partition {partition} starts at {} in epoch {epoch}, but deletion was asked for up to {deletable}",
                contents.log_start
            ));
        }
        self.starts_at(epoch, partition, contents.log_start);
        let mut places: HashMap<&str, i64> = HashMap::new();
        let mut last: HashMap<&str, i32> = HashMap::new();
        let mut next = contents.log_start;
        for (offset, value) in &contents.records {
            if *offset != next {
                return promise(format!(
                    "partition {partition} has {value} at {offset}, not at {next}, in epoch {epoch}"
                ));
            }
            next += 1;
            if let Some(first) = places.insert(value, *offset) {
                return promise(format!(
                    "{value} is at {first} and {offset} of partition {partition} in epoch {epoch}"
                ));
            }
            let (client, number) = value.rsplit_once('/').expect("a client's value");
            let number: i32 = number.parse().expect("a number");
            match last.insert(client, number) {
                Some(before) if before >= number => {
                    return promise(format!(
                        "{value} comes after {client}/{before} in partition {partition}"
                    ));
                }
                // An idempotent producer skips nothing; what was deleted in front does not count.
                Some(before) if client.starts_with('i') && before + 1 != number => {
                    return promise(format!(
                        "{client}/{before} is followed by {value} in partition {partition}"
                    ));
                }
                None if client.starts_with('i') && contents.log_start == 0 && number != 0 => {
                    return promise(format!("{value} is the first of its producer in partition {partition}"));
                }
                _ => {}
            }
        }
        if next != contents.high_watermark {
            return promise(format!("partition {partition} ends at {next}, not {}", contents.high_watermark));
        }
        for (offset, value) in &contents.records {
            self.note(epoch, partition, *offset, value)?;
        }
        Ok(())
    }

    /// Somebody read a record.
    pub fn seen(&mut self, partition: i32, offset: i64, value: &str) -> Check {
        self.note(WriterEpoch::NONE, partition, offset, value)
    }

    fn note(&mut self, epoch: WriterEpoch, partition: i32, offset: i64, value: &str) -> Check {
        let known = self.records.entry((partition, offset)).or_insert_with(|| (value.to_owned(), epoch));
        known.1 = epoch.min(known.1);
        if known.0 == value {
            return Ok(());
        }
        promise(format!("{partition}, {offset} was {} and is {value} in epoch {epoch}", known.0))
    }
}
