use bytes::Bytes;
use futures::{StreamExt as _, stream};
use slatedb::ValueDeletable;

use super::*;
use crate::log::stored::segment::{Malformed, Origin};
use crate::log::wal::fence::Identity;
use crate::runtime::Clock;
use crate::types::{ShardId, WriterEpoch};

fn object(id: u64, kind: Kind, epoch: u64, created: i64) -> Read {
    let header = Header {
        kind,
        window: 3,
        epoch: WriterEpoch(epoch),
        nonce: u128::from(id),
        row_count: 1,
        rows_len: 0,
        payload_position: 68,
        payload_len: 0,
        rows_crc: 0,
        payload_crc: 0,
        origin: None,
    };
    let row = RowEntry {
        key: Bytes::copy_from_slice(&id.to_be_bytes()),
        value: ValueDeletable::Tombstone,
        seq: id,
        create_ts: Some(created),
        expire_ts: None,
    };
    Ok((id, header, if kind == Kind::Data { vec![row] } else { vec![] }))
}

fn replay(objects: Vec<Read>, start_epoch: u64) -> (Replay, Arc<DatabaseClock>) {
    let clock = Arc::new(DatabaseClock::new(Clock::simulated(1_000)));
    let stream = stream::iter(objects).boxed();
    let own = Identity { epoch: WriterEpoch(9), nonce: 99 };
    let filter = Filter::new(WriterEpoch(start_epoch), Witness::new(ShardId(1), own, 4));
    let refuse = |flaw: Flaw| WalError::DataError(Arc::new(Malformed::Bytes(flaw.problem)));
    (Replay::new(stream, filter, Arc::clone(&clock), refuse, |_| ()), clock)
}

async fn ids(mut replay: Replay) -> Result<Vec<(u64, usize)>, WalError> {
    let mut seen = Vec::new();
    while let Some(rows) = replay.next().await? {
        seen.push((rows.last_consumed_wal_file_id, rows.rows.len()));
    }
    Ok(seen)
}

#[tokio::test(start_paused = true)]
async fn dead_segments_are_neither_replayed_nor_the_replay_point() {
    let objects = vec![
        object(5, Kind::Data, 1, 0),
        object(6, Kind::Fence, 2, 0),
        object(7, Kind::Data, 1, 0),
        object(8, Kind::Data, 1, 0),
        object(9, Kind::Data, 2, 0),
        object(10, Kind::WindowFence, 1, 0),
        object(11, Kind::Fence, 3, 0),
    ];
    let (replay, _) = replay(objects, 1);
    assert_eq!(ids(replay).await.ok(), Some(vec![(5, 1), (6, 0), (9, 1), (11, 0)]));
}

#[tokio::test(start_paused = true)]
async fn the_epoch_at_the_replay_point_keeps_older_segments_dead() {
    let (replay, _) = replay(vec![object(5, Kind::Data, 1, 0), object(6, Kind::Data, 2, 0)], 2);
    assert_eq!(ids(replay).await.ok(), Some(vec![(6, 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_segment_of_an_epoch_that_never_fenced_is_an_error() {
    let (replay, _) = replay(vec![object(5, Kind::Data, 2, 0)], 1);
    assert!(matches!(ids(replay).await, Err(WalError::DataError(_))));
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_never_behind_a_replayed_time() {
    let (replay, clock) = replay(vec![object(5, Kind::Data, 1, 90_000)], 1);
    assert!(clock.now_ms() < 90_000);
    assert!(ids(replay).await.is_ok());
    assert!(clock.now_ms() >= 90_000);
}

/// A segment of epoch 1 that says what was there before it.
fn witnessed(id: u64, change: impl FnOnce(&mut Origin)) -> Read {
    let (id, mut header, rows) = object(id, Kind::Data, 1, 0)?;
    let mut origin = Origin::of(ShardId(1), id);
    change(&mut origin);
    header.origin = Some(origin);
    Ok((id, header, rows))
}

async fn is_refused(objects: Vec<Read>) -> bool {
    matches!(ids(replay(objects, 1).0).await, Err(WalError::DataError(_)))
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_not_what_it_or_a_later_one_says_is_refused() {
    let sound = || witnessed(5, |_| {});
    assert!(!is_refused(vec![sound()]).await);
    assert!(is_refused(vec![witnessed(5, |origin| origin.id = 6)]).await, "its neighbour's copy");
    assert!(is_refused(vec![witnessed(5, |origin| origin.shard = ShardId(2))]).await, "another shard's");
    assert!(!is_refused(vec![sound(), witnessed(6, |origin| origin.durable_id = 4)]).await, "not to be seen");
    let after = |nonce| witnessed(6, move |origin| (origin.durable_id, origin.durable_nonce) = (5, nonce));
    assert!(!is_refused(vec![sound(), after(5)]).await);
    assert!(is_refused(vec![sound(), after(4)]).await, "written after another object than is there");
    assert!(!is_refused(vec![witnessed(5, |origin| origin.replay_after = 4)]).await);
    assert!(is_refused(vec![witnessed(5, |origin| origin.replay_after = 5)]).await, "the index went back");
}

#[tokio::test(start_paused = true)]
async fn an_object_of_an_owner_that_the_index_does_not_know_is_refused() {
    for epoch in [9, 10] {
        assert!(is_refused(vec![object(5, Kind::Fence, epoch, 0)]).await);
    }
    assert!(!is_refused(vec![object(5, Kind::Fence, 8, 0)]).await);
}
