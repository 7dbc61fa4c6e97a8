//! The log beside a plain list, whatever is appended, cut off and purged: sizes go beyond what is kept decoded.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::memory::InMemory;
use openraft::RaftLogReader as _;
use openraft::storage::{RaftLogStorage as _, RaftLogStorageExt as _};

use super::log_store::LogStore;
use super::tests::{entry, log_id, open};
use crate::runtime::Rng;

/// Indexes and lengths of what is to be found.
type Model = BTreeMap<u64, usize>;

async fn compare(log: &mut LogStore, model: &Model, rng: &Rng) {
    let last = model.last_key_value().map_or(0, |(last, _)| *last);
    let start = rng.below(last + 2);
    let end = start + rng.below(20);
    let entries = log.try_get_log_entries(start..end).await.expect("entries");
    let found: Vec<u64> = entries.iter().map(|entry| entry.log_id.index).collect();
    let expected: Vec<u64> = model.range(start..end).map(|(index, _)| *index).collect();
    assert_eq!(found, expected, "{start}..{end}");
    let some = log.limited_get_log_entries(start, end).await.expect("entries");
    let some: Vec<u64> = some.iter().map(|entry| entry.log_id.index).collect();
    assert!(expected.starts_with(&some), "{start}..{end}: {some:?} of {expected:?}");
    assert_eq!(some.is_empty(), expected.is_empty(), "{start}..{end}");
}

async fn live(seed: u64) {
    let rng = Rng::seeded(seed);
    let (objects, mut model) = (Arc::new(InMemory::new()), Model::new());
    let (mut log, _open) = open(&objects).await;
    let (mut next, mut purged) = (0, None);
    for _ in 0..60 {
        match rng.below(10) {
            0 if next > 0 => {
                let upto = rng.below(next + 3);
                if purged.is_none_or(|before| upto > before) {
                    log.purge(log_id(1, upto)).await.expect("purged");
                    model.retain(|index, _| *index > upto);
                    (purged, next) = (Some(upto), next.max(upto + 1));
                }
            }
            1 if !model.is_empty() => {
                let from = next - 1 - rng.below(model.len() as u64);
                log.truncate(log_id(1, from)).await.expect("cut off");
                model.retain(|index, _| *index < from);
                next = from;
            }
            _ => {
                let bytes = rng.below(100) as usize;
                log.blocking_append([entry(next, bytes)]).await.expect("appended");
                model.insert(next, bytes);
                next += 1;
            }
        }
        compare(&mut log, &model, &rng).await;
        let state = log.get_log_state().await.expect("a state");
        assert_eq!(state.last_log_id.map_or(0, |last| last.index + 1), next);
    }
}

#[tokio::test]
async fn the_log_is_what_was_appended_and_neither_cut_off_nor_purged() {
    for seed in 0..50 {
        println!("seed {seed}");
        live(seed).await;
    }
}
