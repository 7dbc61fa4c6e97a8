//! Fetching: batches of many partitions within one budget, waiting for more if there is too little.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesOrdered;
use parking_lot::Mutex;

use crate::log::read::PartitionLog;
use crate::log::read::shared::Reads;
use crate::log::read::source::ReadError;
use crate::log::read::tail_cache::Run;
use crate::log::read::waiters::Registration;
use crate::log::read::walk::Slice;
use crate::log::stored::error::NotOpen;
use crate::runtime::clock::Instant;
use crate::runtime::memory::Share;

/// Partitions that are read at the same time for one fetch, as far as they have to go to the store.
const PARALLEL_READS: usize = 16;

/// The isolation of a reader: records that it may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Everything durable.
    #[default]
    ReadUncommitted,
    /// Records below the last stable offset.
    ReadCommitted,
}

/// A reader's wish for one partition.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub log: Arc<PartitionLog>,
    pub offset: i64,
    /// Only the first batch of the whole answer may be larger.
    pub max_bytes: usize,
}

/// One fetch. The partitions are served in their order: the first ones get the budget if it is short.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub partitions: Vec<Wanted>,
    /// Of all partitions together; only the first batch of the answer may be larger.
    pub max_bytes: usize,
    /// With fewer bytes than this the answer waits.
    pub min_bytes: usize,
    /// The time that it may wait.
    pub max_wait: Duration,
    pub isolation: Isolation,
}

/// The result of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Whole batches, the first of which holds the wanted offset.
    pub chunks: Vec<Bytes>,
    pub bytes: usize,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    /// The offset after the batches.
    pub next_offset: i64,
    /// There is another batch, and it did not fit.
    stopped_by_size: bool,
}

/// Reads one partition now, at most `max_bytes`; the first batch is given whatever its size if `min_one`.
///
/// # Errors
/// [`ReadError::OffsetOutOfRange`] unless the offset is in [log start, high watermark]. The high watermark itself is
/// fine, and answered with nothing.
pub async fn read(
    log: &PartitionLog,
    offset: i64,
    max_bytes: usize,
    min_one: bool,
    isolation: Isolation,
) -> Result<Fetched, ReadError> {
    if log.has_ended() {
        return Err(NotOpen.into());
    }
    let mut fetched = Fetched::nothing(log, offset);
    let (log_start, high_watermark) = (fetched.log_start_offset, fetched.high_watermark);
    if offset < log_start || offset > high_watermark {
        return Err(ReadError::OffsetOutOfRange { log_start, high_watermark });
    }
    let end = match isolation {
        Isolation::ReadUncommitted => high_watermark,
        Isolation::ReadCommitted => fetched.last_stable_offset.min(high_watermark),
    };
    if offset < end && max_bytes == 0 && !min_one {
        // The budget is used up: that there is something is known without looking at it.
        return Ok(Fetched { stopped_by_size: true, ..fetched });
    }
    let tail = log.source().reads().tail();
    while fetched.next_offset < end && !fetched.stopped_by_size {
        let (at, left) = (fetched.next_offset, max_bytes.saturating_sub(fetched.bytes));
        let first = min_one && fetched.bytes == 0;
        let run = match tail.read(log.id(), at, end, left, first) {
            Some(run) => run,
            // Reading on from the store would wait again: what is there already is worth more.
            None if fetched.bytes > 0 => break,
            None => {
                let slice = Slice { offset: at, end, high_watermark, max_bytes: left, min_one: first };
                cold(log, slice).await?
            }
        };
        if run.next_offset == at && !run.stopped_by_size {
            break;
        }
        fetched.add(run);
    }
    log.counts().fetched(fetched.bytes as u64);
    log.source().count_fetched(fetched.bytes as u64);
    Ok(fetched)
}

/// From the store, up to where the tail cache goes on.
async fn cold(log: &PartitionLog, mut slice: Slice) -> Result<Run, ReadError> {
    let source = log.source();
    let cached = source.reads().tail().next_cached(log.id(), slice.offset);
    slice.end = cached.map_or(slice.end, |cached| cached.min(slice.end));
    let outcome = source.read(log.id(), slice).await;
    if log.has_ended() {
        // Whatever it found, or missed, is not this partition's any more.
        return Err(NotOpen.into());
    }
    // The records may have been removed in the meantime, and their objects with them: what was found then is not what
    // was asked for.
    let (log_start, high_watermark) = (log.log_start(), log.high_watermark());
    if log_start > slice.offset {
        return Err(ReadError::OffsetOutOfRange { log_start, high_watermark });
    }
    outcome
}

impl Fetched {
    fn nothing(log: &PartitionLog, offset: i64) -> Fetched {
        // The log start first: a high watermark that is read after it is never below it.
        let log_start_offset = log.log_start();
        let last_stable_offset = log.last_stable_offset();
        Fetched {
            chunks: Vec::new(),
            bytes: 0,
            high_watermark: log.high_watermark(),
            last_stable_offset,
            log_start_offset,
            next_offset: offset,
            stopped_by_size: false,
        }
    }

    fn add(&mut self, run: Run) {
        self.chunks.extend(run.chunks);
        self.bytes += run.bytes;
        self.next_offset = run.next_offset;
        self.stopped_by_size = run.stopped_by_size;
    }

    /// Appends what was read later from where this ended.
    fn extend(&mut self, later: Fetched) {
        let Fetched { chunks, bytes, .. } = std::mem::replace(self, later);
        let later = std::mem::replace(&mut self.chunks, chunks);
        self.chunks.extend(later);
        self.bytes += bytes;
    }
}

impl Fetch {
    /// Reads, and waits if that gave fewer than `min_bytes`: until there are enough, a partition has an error, the time is
    /// over, others need the memory, or `in_vain` says that nothing is to be waited for. The answers are in the order of the
    /// partitions; their memory goes with them, and what `in_vain` said.
    pub async fn run<E>(
        self,
        reads: &Reads,
        in_vain: impl Future<Output = E>,
    ) -> (Vec<Result<Fetched, ReadError>>, Share, Option<E>) {
        let mut in_vain = pin!(in_vain);
        let clock = &reads.runtime().clock;
        let deadline = clock.instant() + self.max_wait;
        let mut share = reads.answers().share(self.max_bytes).await;
        let mut answers = self.read_all(share.bytes()).await;
        share.settle(total_bytes(&answers));
        if self.max_wait.is_zero() || self.partitions.is_empty() || self.is_enough(&answers) {
            return (answers, share, None);
        }
        let mut waiting = reads.waiters().register();
        let mut moved: Vec<usize> = (0..self.partitions.len()).collect();
        loop {
            if !share.grow(self.max_bytes.saturating_sub(share.bytes())).await {
                share.settle(total_bytes(&answers));
                return (answers, share, None);
            }
            self.read_on(&mut waiting, &moved, share.bytes(), &mut answers).await;
            share.settle(total_bytes(&answers));
            if self.is_enough(&answers) {
                return (answers, share, None);
            }
            let came = tokio::select! {
                came = self.wait(&mut waiting, deadline, reads) => came,
                () = share.wanted_back() => None,
                why = &mut in_vain => return (answers, share, Some(why)),
            };
            moved = match came {
                Some(moved) => moved,
                None => return (answers, share, None),
            };
        }
    }

    async fn wait(&self, waiting: &mut Registration, deadline: Instant, reads: &Reads) -> Option<Vec<usize>> {
        reads.runtime().clock.timeout_at(deadline, waiting.moved()).await.ok()
    }

    /// All partitions once, `max_bytes` together. Reads that go to the store run at the same time.
    async fn read_all(&self, max_bytes: usize) -> Vec<Result<Fetched, ReadError>> {
        let left = Mutex::new(max_bytes);
        let (mut answers, mut running) = (Vec::with_capacity(self.partitions.len()), FuturesOrdered::new());
        for wanted in &self.partitions {
            let is_first = answers.is_empty() && running.is_empty();
            running.push_back(self.read_one(wanted, wanted.max_bytes, is_first, &left));
            if running.len() == PARALLEL_READS {
                answers.extend(running.next().await);
            }
        }
        answers.extend(running.collect::<Vec<_>>().await);
        let (mut answers, shares): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
        self.read_starved(&shares, &left, &mut answers).await;
        self.give_one(&mut answers).await;
        answers
    }

    /// Reads at most `max_bytes` of what is left, and tells how many of them were to be had.
    async fn read_one(
        &self,
        wanted: &Wanted,
        max_bytes: usize,
        min_one: bool,
        left: &Mutex<usize>,
    ) -> (Result<Fetched, ReadError>, usize) {
        // Taken at the start and given back at the end, or reads at the same time would overdraw it.
        let share = take(&mut left.lock(), max_bytes);
        let answer = read(&wanted.log, wanted.offset, share, min_one, self.isolation).await;
        let used = answer.as_ref().map_or(0, |fetched| fetched.bytes);
        let mut left = left.lock();
        *left = (*left + share).saturating_sub(used);
        (answer, share)
    }

    /// Reads the first of those once more that got nothing because reads before them held the bytes, if these left some.
    async fn read_starved(
        &self,
        shares: &[usize],
        left: &Mutex<usize>,
        answers: &mut [Result<Fetched, ReadError>],
    ) {
        let is_starved = |&index: &usize| {
            shares[index] < self.partitions[index].max_bytes
                && answers[index].as_ref().is_ok_and(|fetched| fetched.bytes == 0 && fetched.stopped_by_size)
        };
        let starved: Vec<usize> = (0..answers.len()).filter(is_starved).take(PARALLEL_READS).collect();
        let share = *left.lock() / starved.len().max(1);
        let more = starved.into_iter().filter(|&index| shares[index] < share);
        let again = more.map(async |index| {
            let wanted = &self.partitions[index];
            (index, self.read_one(wanted, wanted.max_bytes.min(share), false, left).await.0)
        });
        for (index, answer) in join_all(again).await {
            answers[index] = answer;
        }
    }

    /// The first partition that has anything gives at least one batch, or a consumer would never get past it (KIP-74).
    async fn give_one(&self, answers: &mut [Result<Fetched, ReadError>]) {
        let has_any = |answer: &Result<Fetched, ReadError>| {
            answer.as_ref().is_ok_and(|fetched| fetched.bytes > 0 || fetched.stopped_by_size)
        };
        let Some(first) = answers.iter().position(has_any) else { return };
        if answers[first].as_ref().is_ok_and(|fetched| fetched.bytes == 0) {
            let wanted = &self.partitions[first];
            answers[first] = read(&wanted.log, wanted.offset, 0, true, self.isolation).await;
        }
    }

    /// Reads what came to the partitions that moved, behind what their answers have already, up to `max_bytes` together.
    async fn read_on(
        &self,
        waiting: &mut Registration,
        moved: &[usize],
        max_bytes: usize,
        answers: &mut [Result<Fetched, ReadError>],
    ) {
        let mut bytes = total_bytes(answers);
        for &index in moved {
            let wanted = &self.partitions[index];
            waiting.arm(index, wanted.log.id());
            let Ok(fetched) = &mut answers[index] else { continue };
            if !has_moved(&wanted.log, fetched, self.isolation) {
                continue;
            }
            let share = wanted.max_bytes.saturating_sub(fetched.bytes).min(max_bytes.saturating_sub(bytes));
            match read(&wanted.log, fetched.next_offset, share, bytes == 0, self.isolation).await {
                Ok(later) => {
                    bytes += later.bytes;
                    fetched.extend(later);
                }
                // Records in hand are worth more than the error, which the next fetch gets.
                Err(_) if fetched.bytes > 0 => {}
                Err(error) => answers[index] = Err(error),
            }
        }
    }

    /// True if the answers are worth sending now. An error is told at once. A partition whose next batch does not fit
    /// counts in full, as in Kafka, which counts bytes rather than whole batches.
    fn is_enough(&self, answers: &[Result<Fetched, ReadError>]) -> bool {
        let mut bytes = 0;
        for (wanted, answer) in self.partitions.iter().zip(answers) {
            let Ok(fetched) = answer else { return true };
            bytes +=
                if fetched.stopped_by_size { fetched.bytes.max(wanted.max_bytes) } else { fetched.bytes };
        }
        bytes >= self.min_bytes.min(self.max_bytes)
    }
}

fn total_bytes(answers: &[Result<Fetched, ReadError>]) -> usize {
    answers.iter().flatten().map(|fetched| fetched.bytes).sum()
}

/// Takes `wanted` from `left`, or what there is.
fn take(left: &mut usize, wanted: usize) -> usize {
    let share = wanted.min(*left);
    *left -= share;
    share
}

/// True if a read behind `fetched` would give another answer.
fn has_moved(log: &PartitionLog, fetched: &Fetched, isolation: Isolation) -> bool {
    if log.has_ended() || log.log_start() > fetched.next_offset {
        return true;
    }
    match isolation {
        Isolation::ReadUncommitted => log.high_watermark() != fetched.high_watermark,
        Isolation::ReadCommitted => log.last_stable_offset() != fetched.last_stable_offset,
    }
}
