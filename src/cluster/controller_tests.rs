//! A controller on the leader of three brokers that nobody else tells anything.

use super::*;
use crate::metadata::Applied;
use crate::metadata::tests::support::{Bucket, Process, Switchboard};

const SESSION: Duration = Duration::from_secs(3);
const SHARD: ShardId = ShardId(0);

struct World {
    bucket: Bucket,
    switchboard: Switchboard,
    processes: Vec<Process>,
    /// The broker that leads, and another that owns the shard.
    leader: usize,
    owner: usize,
    controller: Controller,
}

impl World {
    async fn new() -> World {
        let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
        let start = |id| bucket.start_voter_in(Runtime::simulated(id as u64), id, 3, &switchboard);
        let processes = futures::future::join_all((0..3).map(start)).await;
        let leader = processes.iter().position(|process| process.metadata.leads()).expect("a leader");
        let Process { metadata, runtime } = &processes[leader];
        let controller = Controller::new(metadata.clone(), SESSION, runtime.clone());
        let owner = (leader + 1) % 3;
        let world = World { bucket, switchboard, processes, leader, owner, controller };
        let owner = Some(world.owner());
        world.propose(Command::AssignShard { shard: SHARD, owner }).await;
        world
    }

    fn metadata(&self) -> &Metadata {
        &self.processes[self.leader].metadata
    }

    fn owner(&self) -> Owner {
        self.processes[self.owner].metadata.owner()
    }

    async fn propose(&self, command: Command) -> Applied {
        self.metadata().propose(command).await.expect("an outcome").expect("done")
    }

    async fn fence(&self, is_fenced: bool) {
        let Owner { broker, incarnation } = self.owner();
        self.propose(Command::Fence { broker, incarnation, is_fenced }).await;
    }

    /// The controller's answer to a broker whose image is up to date.
    fn hear(&self, from: Owner) -> Reply {
        let index = self.metadata().image().index;
        self.controller.hear(&Heartbeat {
            from,
            index,
            shards: Vec::new(),
            stuck_ms: None,
            is_leaving: false,
            loads: Vec::new(),
        })
    }

    fn is_proven(&self) -> bool {
        let reply = self.hear(self.owner());
        assert!(reply.owned.iter().any(|(id, _)| *id == SHARD));
        reply.proof_age_ms.is_some()
    }

    async fn sleep(&self, millis: u64) {
        self.processes[self.leader].runtime.clock.sleep(Duration::from_millis(millis)).await;
    }

    async fn end(self) {
        futures::future::join_all(self.processes.iter().map(|process| process.metadata.close())).await;
        self.processes.iter().for_each(|process| process.runtime.shutdown.request());
    }
}

#[tokio::test(start_paused = true)]
async fn a_fenced_broker_has_no_proof_of_what_is_still_its_own() {
    let world = World::new().await;
    assert!(world.is_proven());
    world.fence(true).await;
    assert!(!world.is_proven(), "whoever comes next is given the shard");
    world.fence(false).await;
    assert!(world.is_proven());
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_next_life_of_the_leader_before_is_waited_for() {
    let mut world = World::new().await;
    let (before, others) = (world.owner(), [world.leader, (world.leader + 2) % 3]);
    *world.controller.0.known_leader.lock() = Some(before.broker);
    let standing = |world: &World| world.controller.known_standings().expect("it leads")[&before.broker].0;
    let plan = |world: &World| world.controller.plan(&world.metadata().image());
    plan(&world);
    world.sleep(400).await;
    assert_eq!(standing(&world), Standing::Dead, "a majority has given it up");
    world.switchboard.hang_up(before.broker.0);
    world.sleep(1_000).await;
    let again = world.bucket.start_voter_in(Runtime::simulated(9), before.broker.0, 3, &world.switchboard);
    let again = again.await;
    let before = std::mem::replace(&mut world.processes[world.owner], again);
    for other in others {
        world.hear(world.processes[other].metadata.owner());
    }
    world.metadata().sync().await.expect("a leader");
    assert_eq!(
        world.metadata().image().broker(world.owner().broker).map(|it| it.life()),
        Some(world.owner())
    );
    assert_eq!(standing(&world), Standing::Unknown, "it was not the leader");
    assert_eq!(plan(&world), [], "its shards wait for a moment");
    for other in 0..3 {
        world.hear(world.processes[other].metadata.owner());
    }
    let owner = Some(world.owner());
    let anew = |command: &Command| matches!(command, Command::MoveShard { owner: to, .. } if *to == owner);
    assert!(plan(&world).iter().any(anew));
    before.metadata.close().await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_owner_gets_no_proof_while_it_may_yet_lose_its_shards() {
    let world = World::new().await;
    let (inner, owner) = (&world.controller.0, world.owner());
    let plan = || world.controller.plan(&world.metadata().image());
    assert!(world.is_proven());
    assert_eq!(plan(), [], "the others were met only now");
    world.sleep(SESSION.as_millis() as u64 - 500).await;
    world.hear(world.metadata().owner());
    world.sleep(500).await;
    let Owner { broker, incarnation } = owner;
    let commands = plan();
    assert!(commands.contains(&Command::Fence { broker, incarnation, is_fenced: true }));
    // This broker ceases to lead for a moment, in the same term.
    *inner.leading.lock() = None;
    assert!(!world.is_proven(), "the proposal is under way");
    inner.undecided.lock().fail(inner.runtime.clock.instant());
    *inner.leading.lock() = None;
    assert!(!world.is_proven(), "it may be in the log");
    world.sleep(SESSION.as_millis() as u64).await;
    assert!(world.is_proven(), "it is not");
    inner.undecided.lock().propose([owner]);
    assert!(!world.is_proven());
    let kept = Command::AssignShard { shard: SHARD, owner: Some(owner) };
    assert!(world.controller.carry_out(vec![kept]).await);
    assert!(world.is_proven(), "all is decided");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_may_not_go_keeps_its_shards() {
    let world = World::new().await;
    let own = world.metadata().owner();
    world.propose(Command::AssignShard { shard: SHARD, owner: Some(own) }).await;
    let standing = || world.controller.known_standings().expect("it leads")[&own.broker].0;
    let remove = || world.controller.remove(removal::Removal { broker: own.broker, drains: true });
    for process in &world.processes {
        world.hear(process.metadata.owner());
    }
    assert_eq!(remove().await, Ok(removal::Removed::Draining { shards: 1 }));
    assert_eq!(standing(), Standing::Leaving);
    world.sleep(SESSION.as_millis() as u64).await;
    world.hear(own);
    assert_eq!(remove().await, Err(removal::Stuck::NobodyElse(own.broker)));
    assert_eq!(standing(), Standing::Live, "the others have gone meanwhile");
    world.end().await;
}
