//! Repairs of a damaged shard that end at any request: either it is damaged still, and is repaired by the next try, or it is
//! sound, and no offset is given out twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::future::BoxFuture;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::{Broker, SHARD, World, append, append_now, batch, partition, read_from};
use crate::log::repair::{Expected, Repair, RepairError};
use crate::log::stored::paths::ShardPaths;
use crate::log::{OpenError, OpeningTime, PartitionSettings, Shard, ShardOptions, Standing};
use crate::store::faults::{Contact, Last};
use crate::types::{LeaderEpoch, WriterEpoch};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A segment that the index does not have yet, with others behind it.
    Missing,
    /// The newest one.
    Cut,
    /// One that the index has.
    OldMissing,
    /// A segment of the tail that is a copy of its neighbour.
    Swapped,
    IndexGone,
    /// The newest manifest of the index.
    ManifestCut,
    /// A table of the index.
    TableGone,
    TableFlipped,
    ShardGone,
    OlderCopy,
}

const ALL: [Kind; 10] = [
    Kind::Missing,
    Kind::Cut,
    Kind::OldMissing,
    Kind::Swapped,
    Kind::IndexGone,
    Kind::ManifestCut,
    Kind::TableGone,
    Kind::TableFlipped,
    Kind::ShardGone,
    Kind::OlderCopy,
];

impl Kind {
    /// An opening does not see it: whoever reads it gets an error, and nothing is given out twice for that.
    fn is_found_late(self) -> bool {
        matches!(self, Kind::OldMissing | Kind::TableGone | Kind::TableFlipped)
    }
}

/// A shard that was damaged, and what it must have after a repair.
struct Damaged {
    world: World,
    opened_epoch: WriterEpoch,
    left: &'static [&'static str],
}

async fn delete(world: &World, below: &str) {
    let listed: Vec<_> = world.objects.list(None).try_collect().await.expect("lists");
    for object in listed.iter().filter(|object| object.location.as_ref().starts_with(below)) {
        world.objects.delete(&object.location).await.expect("deleted");
    }
}

async fn everything(world: &World) -> Vec<(Path, Bytes)> {
    let listed: Vec<_> = world.objects.list(None).try_collect().await.expect("lists");
    let mut all = Vec::new();
    for object in listed {
        let bytes = world.objects.get(&object.location).await.expect("is there").bytes().await;
        all.push((object.location, bytes.expect("reads")));
    }
    all
}

/// The segment with the record of this one letter.
async fn segment_with(world: &World, paths: &ShardPaths, value: &str) -> Path {
    let found = everything(world).await.into_iter().find(|(path, bytes)| {
        let has_record = |found: &[u8]| found[0] == 2 && found[1] == value.as_bytes()[0];
        path.prefix_matches(paths.log()) && bytes.len() > 200 && bytes.windows(3).any(has_record)
    });
    found.expect("a segment with it").0
}

/// Damages the store. The values that are left of those are the answer; `copy` is what was there two records before.
async fn damage(
    world: &World,
    paths: &ShardPaths,
    kind: Kind,
    copy: Vec<(Path, Bytes)>,
) -> &'static [&'static str] {
    let with = |value| segment_with(world, paths, value);
    match kind {
        Kind::Missing => {
            world.objects.delete(&with("c").await).await.expect("deleted");
            &["a", "b", "d"]
        }
        Kind::Cut => {
            world.objects.put(&with("d").await, Bytes::from_static(b"cut").into()).await.expect("put");
            &["a", "b", "c"]
        }
        Kind::OldMissing => {
            world.objects.delete(&with("a").await).await.expect("deleted");
            &["b", "c", "d"]
        }
        Kind::Swapped => {
            let copy = world.objects.get(&with("d").await).await.expect("is there").bytes().await;
            world.objects.put(&with("c").await, copy.expect("reads").into()).await.expect("put");
            &["a", "b", "d"]
        }
        Kind::ManifestCut | Kind::TableGone | Kind::TableFlipped => {
            let folder = if kind == Kind::ManifestCut { "manifest" } else { "compacted" };
            let below = paths.index().clone().join(folder);
            let all = everything(world).await.into_iter().filter(|(path, _)| path.prefix_matches(&below));
            let (path, bytes) = all.last().expect("one");
            match kind {
                Kind::TableGone => world.objects.delete(&path).await.expect("deleted"),
                Kind::ManifestCut => {
                    let half = bytes.slice(..bytes.len() / 2);
                    drop(world.objects.put(&path, half.into()).await.expect("put"));
                }
                _ => {
                    let flipped: Vec<u8> = bytes.iter().map(|byte| byte ^ 1).collect();
                    drop(world.objects.put(&path, flipped.into()).await.expect("put"));
                }
            }
            &["a", "b", "c", "d"]
        }
        Kind::IndexGone => {
            delete(world, paths.index().as_ref()).await;
            &["a", "b", "c", "d"]
        }
        Kind::ShardGone => {
            delete(world, "shards").await;
            &[]
        }
        Kind::OlderCopy => {
            delete(world, "shards").await;
            for (location, bytes) in copy {
                world.objects.put(&location, bytes.into()).await.expect("put");
            }
            &["a", "b"]
        }
    }
}

impl Damaged {
    /// Four records at the offsets 0 to 3, each in a segment of its own; the first two are in the index.
    async fn new(kind: Kind) -> Damaged {
        let (damaged, broker, _) = Damaged::with_owner(kind, 1).await;
        broker.faults.contact(Contact::Gone);
        damaged
    }

    /// The owner still has it open.
    async fn with_owner(kind: Kind, window: u16) -> (Damaged, Broker, Shard) {
        let world = World::new(7);
        let mut broker = world.broker();
        broker.limits.window = window;
        let paths = ShardPaths::new(&broker.store, SHARD);
        let mut shard = broker.open_with(1, 1).await;
        for value in ["a", "b"] {
            append_now(&shard, 0, batch(&[value])).await.expect("appended");
        }
        shard.close().await;
        let copy = everything(&world).await;
        shard = broker.open_with(1, 2).await;
        for value in ["c", "d"] {
            append_now(&shard, 0, batch(&[value])).await.expect("appended");
        }
        let opened_epoch = shard.status().epoch.expect("open");
        let left = damage(&world, &paths, kind, copy).await;
        (Damaged { world, opened_epoch, left }, broker, shard)
    }

    fn of(&self, broker: &Broker) -> Repair {
        let expected = Expected {
            opened_epoch: self.opened_epoch,
            leader_epoch: LeaderEpoch(2),
            partitions: vec![partition(0)],
        };
        let Broker { store, shared, .. } = broker;
        Repair::new(SHARD, expected, store, &shared.databases, &shared.runtime)
    }

    async fn repair(&self, broker: &Broker) -> Result<(), RepairError> {
        let repair = self.of(broker);
        let survey = repair.survey().await?;
        if survey.is_sound() { Ok(()) } else { repair.accept(&survey).await }
    }

    /// As a broker does that knows of the newest opening.
    async fn open(&self) -> Result<Shard, OpenError> {
        let broker = self.world.broker();
        let opened_epoch = self.opened_epoch;
        let confirm = move |_| {
            let standing = Standing { opened_epoch, ..Standing::of(true) };
            Box::pin(async move { Ok(standing) }) as BoxFuture<'static, _>
        };
        let limits = broker.limits;
        let options = ShardOptions {
            id: SHARD,
            confirm_owner: Arc::new(confirm),
            limits,
            doubted: false,
            opening_time: OpeningTime::default(),
        };
        Shard::open(options, broker.store.clone(), broker.shared.clone()).await
    }

    /// No offset comes again, and what is left is there.
    async fn check(&self, kind: Kind, shard: Shard) {
        shard.set_partition(partition(0), PartitionSettings::led(LeaderEpoch(3)));
        let offset = append_now(&shard, 0, batch(&["new"])).await.expect("appended");
        assert!(offset > 3, "{kind:?}: {offset} was given out before");
        let log = shard.partition(partition(0)).await.expect("the partition loads");
        let found = read_from(&shard, 0, log.log_start()).await;
        let values: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, [self.left, &["new"]].concat(), "{kind:?}");
        assert_eq!(found.last().map(|(offset, _)| *offset), Some(offset));
        shard.close().await;
    }
}

/// The number of requests of the survey of a repair, and of all of it.
async fn requests(kind: Kind) -> (u64, u64) {
    let damaged = Damaged::new(kind).await;
    let broker = damaged.world.broker();
    let survey = damaged.of(&broker).survey().await.expect("a survey");
    let surveyed = broker.faults.requests();
    assert!(!survey.is_sound(), "{kind:?}");
    damaged.of(&broker).accept(&survey).await.expect("repaired");
    let all = broker.faults.requests();
    damaged.check(kind, damaged.open().await.expect("it opens")).await;
    (surveyed, all)
}

/// A repair that ends at the request of this number, and what follows.
async fn ends_at(kind: Kind, number: u64) {
    let damaged = Damaged::new(kind).await;
    let ends = damaged.world.broker();
    ends.faults.gone_at(number, if number % 4 < 2 { Last::Lands } else { Last::Vanishes });
    let limit = Duration::from_secs(30);
    let outcome = damaged.world.runtime.clock.timeout(limit, damaged.repair(&ends)).await;
    let is_done = matches!(outcome, Ok(Ok(())));
    match damaged.open().await {
        // Those are found by who reads them.
        Ok(shard) if kind.is_found_late() && !is_done => shard.close().await,
        Ok(shard) => damaged.check(kind, shard).await,
        Err(OpenError::Damaged(damage)) => {
            assert!(!is_done, "{kind:?}: repaired, and {damage}");
            damaged.repair(&damaged.world.broker()).await.expect("repaired");
            damaged.check(kind, damaged.open().await.expect("it opens")).await;
        }
        Err(error) => panic!("{kind:?}, {number}: {error}"),
    }
}

/// With the runtime ends whoever is gone.
fn alone<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

#[test]
fn a_repair_that_ends_at_any_request_gives_no_offset_out_twice() {
    for kind in ALL {
        let (surveyed, all) = alone(requests(kind));
        assert!(all > 2 * surveyed, "{kind:?} was repaired in {all} requests");
        // Those before and behind only look.
        for number in surveyed + 1..=all - surveyed {
            alone(ends_at(kind, number));
        }
    }
}

/// The owner hears of the repair when it writes next.
async fn idle_owner(kind: Kind, window: u16, appends: usize) {
    let (damaged, owner, shard) = Damaged::with_owner(kind, window).await;
    let repaired = damaged.repair(&damaged.world.broker()).await;
    let late: Vec<_> = (0..appends).filter_map(|_| append(&shard, 0, batch(&["late"])).ok()).collect();
    for ticket in late {
        let outcome = damaged.world.runtime.clock.timeout(Duration::from_secs(5), ticket).await;
        assert!(!matches!(outcome, Ok(Ok(_))), "{kind:?}, window {window}: it is acknowledged, and lost");
    }
    owner.faults.contact(Contact::Gone);
    repaired.unwrap_or_else(|error| panic!("{kind:?}, window {window}: {error}"));
    damaged.check(kind, damaged.open().await.expect("it opens")).await;
}

#[test]
fn an_owner_that_was_idle_during_a_repair_acknowledges_nothing_more() {
    // Once the newest objects are gone, only the owner knows how far the log is.
    for kind in ALL.into_iter().filter(|kind| !matches!(kind, Kind::ShardGone | Kind::OlderCopy)) {
        for window in [1, 4, 64] {
            alone(idle_owner(kind, window, 3));
        }
    }
}
