//! Idempotent producers of one partition: which batches are new, which came before, which are refused.
//! It knows nothing of the log around it: sequence numbers in, verdicts out.
//! Entry point: [`Producers`].
//! Invariant: no batch is accepted twice while it is among its producer's last five.
//!
//! The rules are those of Kafka 4.4's `ProducerAppendInfo` and `ProducerStateEntry`: the last five batches of a producer
//! are remembered; a batch with the same first and last sequence number as one of them is its duplicate; any other must
//! follow the last one, or start a newer epoch at 0. A producer that is not known may start anywhere: the broker may
//! have forgotten it, so `UNKNOWN_PRODUCER_ID` is never the answer to a produce request.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::log::stored::error::{AppendError, NotOpen};
use crate::log::stored::keys::{ProducerEntry, ProducerRun};

/// Batches of a producer that are remembered; a client has no more in flight.
pub const REMEMBERED_BATCHES: usize = 5;

/// The verdict on a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    /// It is in the log already, as this.
    Duplicate(ProducerRun),
    Refuse(AppendError),
}

/// A batch as its producer numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequenced {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub first_sequence: i32,
    pub last_sequence: i32,
}

/// The producers of one partition that are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Producers(HashMap<i64, Producer>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Producer {
    epoch: i16,
    last_appended_ms: i64,
    /// Of this epoch, oldest first.
    batches: Vec<ProducerRun>,
}

impl Producers {
    /// As stored, without those that were silent since `expired_before_ms`.
    pub fn from_entries(entries: Vec<ProducerEntry>, expired_before_ms: i64) -> Producers {
        let known = entries.into_iter().filter(|entry| entry.last_appended_ms >= expired_before_ms);
        let producer = |entry: ProducerEntry| Producer {
            epoch: entry.producer_epoch,
            last_appended_ms: entry.last_appended_ms,
            batches: entry.batches,
        };
        Producers(known.map(|entry| (entry.producer_id, producer(entry))).collect())
    }

    /// Judges a batch by what was accepted so far.
    pub fn judge(&self, batch: Sequenced) -> Verdict {
        let Some(known) = self.0.get(&batch.producer_id) else { return Verdict::Accept };
        if batch.producer_epoch < known.epoch {
            return Verdict::Refuse(AppendError::InvalidProducerEpoch);
        }
        if batch.producer_epoch > known.epoch {
            return match batch.first_sequence {
                0 => Verdict::Accept,
                _ => Verdict::Refuse(AppendError::OutOfOrderSequence),
            };
        }
        let same = |run: &&ProducerRun| {
            run.first_sequence == batch.first_sequence && run.last_sequence == batch.last_sequence
        };
        if let Some(original) = known.batches.iter().find(same) {
            return Verdict::Duplicate(*original);
        }
        let last = known.batches.last().map_or(-1, |run| run.last_sequence);
        if follows(last, batch.first_sequence) {
            Verdict::Accept
        } else {
            Verdict::Refuse(AppendError::OutOfOrderSequence)
        }
    }

    /// The same of a batch whose predecessor may have been refused, and not known here for that: a gap is none yet.
    pub fn judge_after_refusal(&self, batch: Sequenced) -> Verdict {
        let is_known = self.0.contains_key(&batch.producer_id);
        match self.judge(batch) {
            Verdict::Refuse(AppendError::OutOfOrderSequence) => Verdict::Refuse(NotOpen.into()),
            Verdict::Accept if !is_known && batch.first_sequence != 0 => Verdict::Refuse(NotOpen.into()),
            verdict => verdict,
        }
    }

    /// Remembers an accepted batch, taken at `appended_ms`.
    pub fn accept(&mut self, run: ProducerRun, appended_ms: i64) {
        let producer = self.0.entry(run.producer_id).or_insert_with(|| Producer {
            epoch: run.producer_epoch,
            last_appended_ms: appended_ms,
            batches: Vec::with_capacity(REMEMBERED_BATCHES),
        });
        if producer.epoch != run.producer_epoch {
            producer.epoch = run.producer_epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == REMEMBERED_BATCHES {
            producer.batches.remove(0);
        }
        producer.batches.push(run);
        producer.last_appended_ms = producer.last_appended_ms.max(appended_ms);
    }

    /// Forgets those that were silent since `expired_before_ms`, and gives the others as stored, by ascending id.
    pub fn snapshot(&mut self, expired_before_ms: i64) -> Vec<ProducerEntry> {
        self.0.retain(|_, producer| producer.last_appended_ms >= expired_before_ms);
        self.entries()
    }

    /// All of them as stored, by ascending id.
    pub fn entries(&self) -> Vec<ProducerEntry> {
        let mut entries: Vec<ProducerEntry> = self
            .0
            .iter()
            .map(|(id, producer)| ProducerEntry {
                producer_id: *id,
                producer_epoch: producer.epoch,
                last_appended_ms: producer.last_appended_ms,
                batches: producer.batches.clone(),
            })
            .collect();
        entries.sort_unstable_by_key(|entry| entry.producer_id);
        entries
    }

    /// Number of producers that are remembered.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// True if `next` is the sequence number after `last`: 0 comes after `i32::MAX`.
fn follows(last: i32, next: i32) -> bool {
    i64::from(next) == i64::from(last) + 1 || (next == 0 && last == i32::MAX)
}

/// Leaves of each producer only the last batches that are remembered.
pub fn keep_remembered(runs: &mut Vec<ProducerRun>) {
    if runs.len() <= REMEMBERED_BATCHES {
        return;
    }
    let mut seen: HashMap<i64, usize> = HashMap::new();
    runs.reverse();
    runs.retain(|run| {
        let count = seen.entry(run.producer_id).or_default();
        *count += 1;
        *count <= REMEMBERED_BATCHES
    });
    runs.reverse();
}
