use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use slatedb::{RowEntry, ValueDeletable};
use tokio::sync::oneshot;

use super::plan::Planner;
use super::request::{Change, Completion, Work};
use crate::crc32c;
use crate::log::partition::{Loaded, Writer};
use crate::log::stored::keys::{Extent, LeaderEpochStart, LogStart, Object};
use crate::log::stored::segment::{Header, Kind, Origin, Segment};
use crate::log::tests::{World, batch, batch_of, partition};
use crate::log::{Append, AppendError, Appended, Permit};
use crate::protocol::batch::Batch;
use crate::types::{LeaderEpoch, Partition, ShardId, WriterEpoch};

type Outcome = oneshot::Receiver<Result<Appended, AppendError>>;
type Rows = Vec<(Bytes, Option<Bytes>)>;

struct Bench {
    writers: HashMap<Partition, Writer>,
    dirty: VecDeque<Partition>,
    planner: Planner,
    outcomes: Vec<Outcome>,
}

impl Bench {
    /// Partitions 0 to 2, of which the last one has 100 records already.
    async fn new() -> Bench {
        let world = World::new(1);
        let shard = world.broker().open_with(3, 4).await;
        let mut writers = HashMap::new();
        for (index, next_offset) in [(0, 0), (1, 0), (2, 100)] {
            let log = shard.partition(partition(index)).await.expect("loads");
            let loaded = Loaded { next_offset, ..Loaded::default() };
            writers.insert(partition(index), Writer::new(Arc::clone(log.state()), loaded));
        }
        let planner = Planner::new(5_000);
        Bench { writers, dirty: VecDeque::new(), planner, outcomes: Vec::new() }
    }

    fn append(&mut self, index: i32, batch: Batch) {
        let (answer, outcome) = oneshot::channel();
        let append = Append {
            partition: partition(index),
            batch,
            permit: Permit::none(),
            more_to_come: false,
            after_refusal: false,
        };
        self.planner.add(Work::Append(append, answer));
        self.outcomes.push(outcome);
    }

    /// The object that the plan makes as segment 7, its rows, and the answers in order of the requests.
    fn commit(self) -> (Bytes, Rows, Vec<Result<i64, AppendError>>) {
        let Bench { mut writers, mut dirty, planner, mut outcomes } = self;
        let mut plan = planner.lay_out(&mut writers, &mut dirty);
        let (payload, rows) = plan.encode(7);
        let entries: Vec<RowEntry> = rows
            .iter()
            .map(|(key, value)| RowEntry {
                key: key.clone(),
                value: value.clone().map_or(ValueDeletable::Tombstone, ValueDeletable::Value),
                seq: 1,
                create_ts: Some(1),
                expire_ts: None,
            })
            .collect();
        let chunks = payload.chunks.clone();
        for published in &plan.published {
            for committed in &published.batches {
                let stored =
                    Batch::parse(&Bytes::from(committed.place.of(&chunks).concat())).expect("a batch");
                assert_eq!(stored.header.base_offset, committed.base_offset);
                assert_eq!(stored.header.last_offset(), committed.last_offset);
            }
        }
        let segment = Segment {
            kind: Kind::Data,
            window: 1,
            epoch: WriterEpoch(1),
            nonce: 1,
            origin: Origin::of(ShardId(1), 1),
        };
        let object = Bytes::from(segment.encode(&entries, payload).expect("encodes").concat());
        for outcome in plan.outcomes {
            outcome.send();
        }
        let answers = outcomes
            .iter_mut()
            .map(|outcome| outcome.try_recv().expect("answered").map(|appended| appended.base_offset))
            .collect();
        (object, rows, answers)
    }
}

/// The batches that an extent points to.
fn batches(object: &Bytes, extent: &Extent) -> Vec<Batch> {
    let start = extent.position as usize;
    let mut bytes = object.slice(start..start + extent.length as usize);
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let batch = Batch::parse(&bytes).expect("a batch with a right checksum");
        bytes = bytes.slice(batch.len()..);
        found.push(batch);
    }
    found
}

fn extents(rows: &[(Bytes, Option<Bytes>)]) -> Vec<(Partition, Extent)> {
    rows.iter().filter_map(|(key, value)| Extent::decode(key, value.as_ref()?).ok()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_sorted_by_partition_and_its_extents_point_to_its_batches() {
    let mut bench = Bench::new().await;
    let large = "x".repeat(200_000);
    let medium = "y".repeat(10_000);
    bench.append(2, batch(&["a", "b"]));
    bench.append(0, batch(&[&large]));
    bench.append(2, batch(&[&medium]));
    bench.append(0, batch(&["c"]));
    bench.append(0, batch(&[&medium, "d"]));
    let (object, rows, answers) = bench.commit();
    assert_eq!(answers, [Ok(100), Ok(0), Ok(102), Ok(1), Ok(2)]);

    let header = Header::parse(&object).expect("parses");
    let payload = &object[header.payload_position as usize..];
    assert_eq!(payload.len() as u64, header.payload_len);
    assert_eq!(crc32c::checksum(payload), header.payload_crc);
    assert_eq!(header.row_count as usize, rows.len());
    assert_eq!(header.index_len(), u64::from(header.payload_position), "rows take the planned place exactly");

    let extents = extents(&rows);
    let of: Vec<(i32, i64, i64)> =
        extents.iter().map(|(p, extent)| (p.index, extent.base_offset, extent.last_offset)).collect();
    assert_eq!(of, [(0, 0, 3), (2, 100, 102)]);
    assert_eq!(extents[0].1.position, header.payload_position);
    assert_eq!(extents[1].1.position, extents[0].1.position + extents[0].1.length);
    for (_, extent) in &extents {
        assert_eq!(
            (extent.object, extent.leader_epoch, extent.appended_ms),
            (Object::Log(7), LeaderEpoch(4), 5_000)
        );
        let mut next = extent.base_offset;
        for batch in batches(&object, extent) {
            assert_eq!((batch.header.base_offset, batch.header.partition_leader_epoch), (next, 4));
            next = batch.header.last_offset() + 1;
        }
        assert_eq!(next, extent.last_offset + 1);
    }
    let epochs: Vec<i64> = rows
        .iter()
        .filter_map(|(key, value)| LeaderEpochStart::decode(key, value.as_ref()?).ok())
        .map(|(_, start)| start.start_offset)
        .collect();
    assert_eq!(epochs, [0, 100], "the first batches of epoch 4");
}

#[tokio::test(start_paused = true)]
async fn duplicates_inside_one_commit_are_stored_once() {
    let mut bench = Bench::new().await;
    for sequence in [0, 1, 1, 3, 2, 0] {
        bench.append(1, batch_of(9, 0, sequence, &["v"]));
    }
    bench.append(1, batch_of(9, 1, 0, &["v"]));
    bench.append(1, batch_of(9, 0, 3, &["v"]));
    let (object, rows, answers) = bench.commit();
    let (gap, old) = (Err(AppendError::OutOfOrderSequence), Err(AppendError::InvalidProducerEpoch));
    assert_eq!(answers, [Ok(0), Ok(1), Ok(1), gap, Ok(2), Ok(0), Ok(3), old]);
    let extents = extents(&rows);
    assert_eq!(batches(&object, &extents[0].1).len(), 4);
    assert_eq!(extents[0].1.producers.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn nothing_but_refusals_makes_no_rows() {
    let mut bench = Bench::new().await;
    bench.append(7, batch(&["v"]));
    let Bench { mut writers, mut dirty, planner, .. } = bench;
    let plan = planner.lay_out(&mut writers, &mut dirty);
    assert!(!plan.has_rows());
    assert_eq!(plan.outcomes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_log_start_goes_no_further_than_what_is_durable() {
    let bench = Bench::new().await;
    let Bench { mut writers, mut dirty, mut planner, .. } = bench;
    writers.get_mut(&partition(2)).expect("there").state.advance(100, 0, 0);
    let (tx, mut ahead): (Completion<i64>, _) = oneshot::channel();
    planner.add(Work::Change(Change::LogStart(partition(2), 101, tx)));
    let (tx, mut fine): (Completion<i64>, _) = oneshot::channel();
    planner.add(Work::Change(Change::LogStart(partition(2), 60, tx)));
    let (tx, mut back): (Completion<i64>, _) = oneshot::channel();
    planner.add(Work::Change(Change::LogStart(partition(2), 40, tx)));
    let mut plan = planner.lay_out(&mut writers, &mut dirty);
    let (_, rows) = plan.encode(7);
    assert_eq!(rows.len(), 1);
    let stored = rows[0].1.as_ref().map(|value| LogStart::decode(&rows[0].0, value));
    assert_eq!(stored, Some(Ok((partition(2), LogStart { offset: 60, ..LogStart::default() }))));
    assert_eq!(writers[&partition(2)].state.log_start(), 0, "not before it is durable");
    for outcome in plan.outcomes {
        outcome.send();
    }
    assert_eq!(ahead.try_recv(), Ok(Err(AppendError::OffsetOutOfRange)));
    assert_eq!((fine.try_recv(), back.try_recv()), (Ok(Ok(60)), Ok(Ok(60))));
}
