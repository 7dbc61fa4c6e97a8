//! The remains of one partition, and its loss.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;

use crate::log::partition::{EpochHistory, Loaded};
use crate::log::stored::keys::{
    self, Extent, LeaderEpochStart, LogStart, Lost, Object, PartitionSnapshot, RowError, Tag,
};
use crate::types::{LeaderEpoch, Partition};

/// Rows of the index by their keys.
pub type Rows = BTreeMap<Bytes, Bytes>;

/// The loss of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub partition: Partition,
    /// The offsets from the first to the last of each run, itself included.
    pub runs: Vec<(i64, i64)>,
    /// Records from this offset on may have been there, and none of them are.
    pub from: Option<i64>,
    /// The offset of the next record.
    pub next_offset: i64,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs.iter().map(|(first, last)| match first == last {
            true => format!("offset {first}"),
            false => format!("offsets {first} to {last}"),
        });
        let rest = self.from.map(|from| format!("whatever was acknowledged from offset {from} on"));
        let all: Vec<String> = runs.chain(rest).collect();
        write!(f, "lost: {}; the next record gets offset {}", all.join(", "), self.next_offset)
    }
}

/// Facts that decide on all partitions.
pub struct Fate<'a> {
    /// Segments that extents may name.
    pub there: &'a BTreeSet<u64>,
    /// By so much the next offset rises over the highest that is known.
    pub jump: i64,
    /// True if that which only the index had is not known: log starts, for one.
    pub index_is_gone: bool,
    /// The leader epoch of the shard.
    pub leader_epoch: LeaderEpoch,
}

/// Rows to write, and what is lost.
#[derive(Default)]
pub struct Outcome {
    pub rows: Vec<(Bytes, Option<Bytes>)>,
    pub loss: Option<Loss>,
}

fn rows_of(rows: &Rows, tag: Tag, partition: Partition) -> impl Iterator<Item = (&Bytes, &Bytes)> {
    let prefix = keys::prefix(tag, partition);
    let from = Bytes::copy_from_slice(&prefix);
    rows.range(from..).take_while(move |(key, _)| key.starts_with(&prefix))
}

/// All partitions of which there are rows.
pub fn all(rows: &Rows) -> Result<BTreeSet<Partition>, RowError> {
    let of = |key: &Bytes| -> Result<Option<Partition>, RowError> {
        let tag = Tag::OF_PARTITION.into_iter().find(|tag| key.first() == Some(&(*tag as u8)));
        tag.map(|tag| keys::partition_of(tag, key)).transpose()
    };
    rows.keys().filter_map(|key| of(key).transpose()).collect()
}

/// Decides on one partition.
pub fn settle(rows: &Rows, partition: Partition, fate: &Fate<'_>) -> Result<Outcome, RowError> {
    let mut outcome = Outcome::default();
    let mut state = load(rows, partition)?;
    let mut kept = Vec::new();
    let mut runs = Vec::new();
    for (key, value) in rows_of(rows, Tag::Extent, partition) {
        let (_, extent) = Extent::decode(key, value)?;
        let is_there = !matches!(extent.object, Object::Log(id) if !fate.there.contains(&id));
        if is_there {
            kept.push(extent);
        } else {
            state.start.removed_bytes += u64::from(extent.length);
            runs.push((extent.base_offset, extent.last_offset));
            outcome.rows.push((key.clone(), None));
        }
    }
    let known = state.next_offset;
    let next_offset = known.saturating_add(fate.jump);
    if fate.index_is_gone {
        let first = kept.first().map_or(next_offset, |extent| extent.base_offset);
        state.start.offset = state.start.offset.max(first);
        state.start.removed_to = state.start.removed_to.max(first).min(state.start.offset);
    }
    runs.extend(holes(&kept, state.start.offset, known));
    let runs = joined(runs, state.start.offset, &accepted(rows, partition)?);
    if runs.is_empty() && fate.jump == 0 {
        return Ok(outcome);
    }
    for (first, last) in &runs {
        outcome.rows.push((Lost::key(partition, *last), Some(Lost { first: *first, last: *last }.value())));
    }
    if state.start != LogStart::default() {
        outcome.rows.push((LogStart::key(partition), Some(state.start.value())));
    }
    if fate.jump > 0 {
        let lost = Lost { first: known, last: next_offset - 1 };
        if state.start.offset < next_offset {
            outcome.rows.push((Lost::key(partition, lost.last), Some(lost.value())));
        }
        let log_bytes: u64 = kept.iter().map(|extent| u64::from(extent.length)).sum();
        let snapshot = PartitionSnapshot {
            next_offset,
            log_bytes: log_bytes + state.start.removed_bytes,
            producers: state.producers.snapshot(i64::MIN),
        };
        outcome.rows.push((PartitionSnapshot::key(partition), Some(snapshot.value())));
        let latest = state.epochs.latest().unwrap_or(LeaderEpoch(0)).max(fate.leader_epoch);
        let epoch =
            LeaderEpochStart { epoch: LeaderEpoch(latest.0.saturating_add(1)), start_offset: next_offset };
        outcome.rows.push((LeaderEpochStart::key(partition, epoch.epoch), Some(epoch.value())));
    }
    let from = (fate.jump > 0).then_some(known);
    outcome.loss = Some(Loss { partition, runs, from, next_offset });
    Ok(outcome)
}

/// The state of a partition, as loading it gives.
fn load(rows: &Rows, partition: Partition) -> Result<Loaded, RowError> {
    let get = |key: Bytes| rows.get(&key).map(|value| (key.clone(), value));
    let snapshot = match get(PartitionSnapshot::key(partition)) {
        Some((key, value)) => PartitionSnapshot::decode(&key, value)?.1,
        None => PartitionSnapshot::default(),
    };
    let start = match get(LogStart::key(partition)) {
        Some((key, value)) => LogStart::decode(&key, value)?.1,
        None => LogStart::default(),
    };
    let epochs = rows_of(rows, Tag::LeaderEpoch, partition);
    let epochs: Result<Vec<_>, _> =
        epochs.map(|(key, value)| Ok(LeaderEpochStart::decode(key, value)?.1)).collect();
    let mut state = Loaded::as_of(snapshot, start, EpochHistory::from_entries(epochs?), i64::MIN);
    for (key, value) in rows_of(rows, Tag::Extent, partition) {
        state.add(Extent::decode(key, value)?.1, i64::MIN);
    }
    Ok(state)
}

fn accepted(rows: &Rows, partition: Partition) -> Result<Vec<Lost>, RowError> {
    rows_of(rows, Tag::Lost, partition).map(|(key, value)| Ok(Lost::decode(key, value)?.1)).collect()
}

/// Offsets from `from` up to `end` that no extent has.
fn holes(kept: &[Extent], from: i64, end: i64) -> Vec<(i64, i64)> {
    let mut holes = Vec::new();
    let mut next = from;
    for extent in kept {
        if extent.base_offset > next {
            holes.push((next, extent.base_offset - 1));
        }
        next = next.max(extent.last_offset + 1);
    }
    if next < end {
        holes.push((next, end - 1));
    }
    holes
}

/// Runs in order, each once, without what lies below the log start or was accepted before.
fn joined(mut runs: Vec<(i64, i64)>, log_start: i64, accepted: &[Lost]) -> Vec<(i64, i64)> {
    runs.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (first, last) in runs {
        let first = first.max(log_start);
        if first > last || accepted.iter().any(|lost| lost.first <= first && last <= lost.last) {
            continue;
        }
        match joined.last_mut() {
            Some((_, end)) if first <= *end + 1 => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}
