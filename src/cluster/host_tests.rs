//! A host on a store whose objects take their time, under metadata that is there at once.

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use object_store::path::Path;

use super::{HostOptions, ShardHost};
use crate::log::{Limits, LogMetrics, ReadLimits, Reads, Shared};
use crate::metadata::{
    Applied, Command, Listener, Metadata, MetadataSettings, Owner, SNAPSHOT_LOG_BYTES, Timeouts,
};
use crate::runtime::{Runtime, TaskKind};
use crate::store::Store;
use crate::store::database::Databases;
use crate::store::faults::FaultPlan;
use crate::types::{BrokerId, LeaderEpoch, ShardId};

const SHARD: ShardId = ShardId(0);
const MINUTE: Duration = Duration::from_secs(60);

struct World {
    runtime: Runtime,
    metadata: Metadata,
    host: Arc<ShardHost>,
    /// Of the store that has the shards.
    faults: FaultPlan,
}

impl World {
    async fn new() -> World {
        let runtime = Runtime::system();
        let store = Store::memory(&runtime);
        let settings = MetadataSettings {
            broker_id: BrokerId(0),
            cluster_id: Some("test".to_owned()),
            shards: 1,
            voters: Vec::new(),
            address: String::new(),
            listeners: vec![Listener {
                name: "PLAINTEXT".to_owned(),
                host: "localhost".to_owned(),
                port: 9092,
            }],
            rack: None,
            timeouts: Timeouts::local(),
            snapshot_log_bytes: SNAPSHOT_LOG_BYTES,
            agreed: Default::default(),
            level: Command::LATEST,
            is_rebuilt: false,
        };
        let databases = Databases::new(&store, 4 << 20, &runtime);
        let metadata = Metadata::start(&store, &databases, &settings, &runtime).await.expect("starts");
        let faults = FaultPlan::new(&runtime);
        let store = Store::untested(faults.wrap(Arc::new(InMemory::new())), Path::default(), &runtime);
        let shared = Shared {
            runtime: runtime.clone(),
            databases: Databases::new(&store, 4 << 20, &runtime),
            reads: Reads::new(&store, ReadLimits::default(), &runtime),
            metrics: LogMetrics::register(&runtime.metrics),
        };
        let options = HostOptions {
            limits: Limits::default(),
            session: Duration::from_secs(3),
            configs: Default::default(),
            store,
            shared,
        };
        let host = ShardHost::new(metadata.clone(), options, runtime.clone());
        runtime.tasks.spawn(TaskKind::Controller, Arc::clone(&host).run());
        World { runtime, metadata, host, faults }
    }

    /// Gives the shard to this broker, or to nobody, and returns once the host knows.
    async fn assign(&self, owner: Option<Owner>) -> LeaderEpoch {
        let assign = Command::AssignShard { shard: SHARD, owner };
        let outcome = self.metadata.propose(assign).await.expect("an outcome");
        let Ok(Applied::Assigned { epoch }) = outcome else { panic!("not assigned: {outcome:?}") };
        self.host.caught_up(self.metadata.image().index).await;
        epoch
    }

    async fn end(self) {
        self.faults.hold_puts(false);
        self.host.close().await;
        self.metadata.close().await;
        self.runtime.shutdown.request();
    }
}

#[tokio::test]
async fn a_shard_that_is_being_opened_is_waited_for() {
    let world = World::new().await;
    world.faults.hold_puts(true);
    let epoch = world.assign(Some(world.metadata.owner())).await;
    assert!(world.host.shard(SHARD, epoch).is_none());
    let begun = world.runtime.clock.instant();
    let short = Duration::from_millis(100);
    assert!(world.host.shard_soon(SHARD, epoch, short).await.is_none());
    assert!(world.runtime.clock.instant() < begun + MINUTE / 2);
    world.runtime.clock.sleep(short).await;
    let late = world.runtime.clock.instant();
    assert!(world.host.shard_soon(SHARD, epoch, short).await.is_none(), "it has taken too long already");
    assert!(world.runtime.clock.instant() < late + short);

    let mut waiting = Box::pin(world.host.shard_soon(SHARD, epoch, MINUTE));
    assert!(world.runtime.clock.timeout(Duration::from_millis(50), &mut waiting).await.is_err());
    world.faults.hold_puts(false);
    let opened = waiting.await.expect("opened");
    assert_eq!(opened.id(), SHARD);
    assert!(
        world.host.shard_soon(SHARD, epoch, Duration::ZERO).await.is_some(),
        "there is nothing to wait for"
    );
    drop(opened);
    world.end().await;
}

#[tokio::test]
async fn nobody_waits_for_a_shard_that_is_assigned_elsewhere() {
    let world = World::new().await;
    world.faults.hold_puts(true);
    let epoch = world.assign(Some(world.metadata.owner())).await;
    let begun = world.runtime.clock.instant();
    let other = LeaderEpoch(epoch.0 + 1);
    assert!(world.host.shard_soon(SHARD, other, MINUTE).await.is_none());
    assert!(world.host.shard_soon(ShardId(9), epoch, MINUTE).await.is_none());

    let waiting = world.host.shard_soon(SHARD, epoch, MINUTE);
    let (found, _) = tokio::join!(waiting, world.assign(None));
    assert!(found.is_none());
    assert!(world.runtime.clock.instant() < begun + MINUTE / 2);
    let taken = || world.host.ownership.metrics.taken.get();
    assert_eq!(taken(), 1, "the broker had not released it");
    world.assign(Some(world.metadata.owner())).await;
    assert_eq!(taken(), 1);
    world.end().await;
}
