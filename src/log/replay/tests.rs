use bytes::Bytes;
use futures::{StreamExt as _, stream};
use slatedb::ValueDeletable;

use super::*;
use crate::runtime::Clock;

fn object(id: u64, kind: Kind, epoch: u64, created: i64) -> Read {
    let header = Header {
        kind,
        window: 3,
        epoch,
        nonce: u128::from(id),
        row_count: 1,
        rows_len: 0,
        payload_position: 68,
        payload_len: 0,
        rows_crc: 0,
        payload_crc: 0,
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
    (Replay::new(stream, Filter::new(start_epoch), Arc::clone(&clock), |_| ()), clock)
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
