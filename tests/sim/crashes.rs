//! One owner after the other: each dies at any moment, or is overtaken and does not know it yet.

use std::time::Duration;

use kafkaesque::log::Shard;
use kafkaesque::store::faults::{Faults, Late};

use crate::clients::{Client, Target, some_clients, work};
use crate::engine::{Broker, World};
use crate::simulate;
use crate::truth::{Check, Truth, Violation};
use crate::world::{PARTITIONS, attacked, open, read_all};
use kafkaesque::types::WriterEpoch;

struct Run {
    world: World,
    clients: Vec<Client>,
    truth: Truth,
    window: u16,
}

/// An owner, and the writer epoch that it opened with.
struct Owner {
    broker: Broker,
    shard: Shard,
    epoch: WriterEpoch,
}

impl Run {
    fn new(seed: u64) -> Run {
        let (world, window) = (World::new(seed), 1 + (seed % 6) as u16);
        Run { world, clients: some_clients(), truth: Truth::default(), window }
    }

    /// A new owner, and what it has.
    async fn open(&mut self, faults: &Faults) -> Result<Owner, Violation> {
        let mut broker = self.world.broker_of(attacked(Default::default()));
        (broker.limits.flush_every_segments, broker.limits.window) = (7, self.window);
        broker.faults.set(faults.clone());
        self.world.assign(&broker);
        let shard = loop {
            if let Ok(shard) = open(&broker).await {
                break shard;
            }
        };
        let epoch = loop {
            match shard.status().epoch {
                Some(epoch) if self.look(&shard, epoch).await? => break epoch,
                _ => self.world.sleep(Duration::from_millis(10)).await,
            }
        };
        Ok(Owner { broker, shard, epoch })
    }

    /// Compares all partitions with the truth. False if they cannot be read now.
    async fn look(&mut self, shard: &Shard, epoch: WriterEpoch) -> Result<bool, Violation> {
        for index in 0..PARTITIONS {
            match read_all(shard, index).await {
                Some(contents) if shard.status().epoch == Some(epoch) => {
                    self.truth.opened(epoch, index, &contents)?;
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Clients send and receive for a while.
    async fn load(&mut self, owner: &Owner, steps: u64, fresh: bool) -> Check {
        for _ in 0..steps {
            let target = Target { epoch: owner.epoch, shard: &owner.shard };
            work(&mut self.clients, &[target], &mut self.truth, &self.world.runtime.rng, fresh)?;
            self.world.sleep(Duration::from_millis(self.world.runtime.rng.below(20))).await;
        }
        Ok(())
    }

    /// Until every client has its answers.
    async fn settle(&mut self, owner: &Owner) -> Check {
        for _ in 0..100_000 {
            if self.clients.iter().all(Client::is_idle) {
                return Ok(());
            }
            self.load(owner, 1, false).await?;
        }
        Err(Violation::Stuck("nothing is acknowledged any more".to_owned()))
    }

    /// Owners die one after the other; their requests under way may still take effect.
    async fn crashes(&mut self, faults: &Faults) -> Check {
        for _ in 0..5 {
            let owner = self.open(faults).await?;
            let steps = 1 + self.world.runtime.rng.below(40);
            self.load(&owner, steps, true).await?;
            owner.broker.faults.outage(true);
        }
        let owner = self.open(faults).await?;
        self.settle(&owner).await
    }

    /// A new owner comes while the old one believes that it still is one; it may be stuck in a PUT.
    async fn takeovers(&mut self, faults: &Faults) -> Check {
        let mut owner = self.open(faults).await?;
        for _ in 0..4 {
            self.load(&owner, 20, true).await?;
            owner.broker.faults.hold_puts(self.world.chance(50));
            self.load(&owner, 3, true).await?;
            let next = self.open(faults).await?;
            owner.broker.faults.hold_puts(false);
            self.load(&next, 10, true).await?;
            owner = next;
        }
        self.settle(&owner).await
    }
}

fn nasty() -> Faults {
    Faults {
        latency: Duration::from_millis(3),
        jitter: Duration::from_millis(10),
        put_errors: 0.05,
        get_errors: 0.02,
        list_errors: 0.02,
        lost_responses: 0.08,
        late_puts: Late { rate: 0.05, by: Duration::from_secs(4) },
        conflicts: 0.05,
        ..Faults::default()
    }
}

/// Fails if a run is wrong, or acknowledges less than `least` records.
fn check(seeds: std::ops::Range<u64>, least: usize, run: impl AsyncFn(&mut Run) -> Check) {
    for seed in seeds {
        let (check, acked) = simulate(async {
            let mut life = Run::new(seed);
            (run(&mut life).await, life.truth.acked)
        });
        check.unwrap_or_else(|problem| panic!("seed {seed}: {problem:?}"));
        assert!(acked > least, "seed {seed} did little: {acked} acknowledged records");
    }
}

#[test]
fn crashes_lose_and_double_nothing() {
    check(0..12, 50, async |run| run.crashes(&Faults::default()).await);
}

#[test]
fn crashes_on_a_faulty_store_lose_and_double_nothing() {
    check(100..112, 30, async |run| run.crashes(&nasty()).await);
}

#[test]
fn an_owner_that_was_overtaken_acknowledges_nothing_that_is_lost() {
    check(200..212, 30, async |run| run.takeovers(&nasty()).await);
}
