//! Two to four owners of one shard in turn, some of them at once: overtaken, paused, gone, closed, opened again, on a
//! store that is slow, fails, loses answers and lets PUTs land late.
//!
//! Once a new owner is open, an old one acknowledges nothing that the new one did not replay; nothing acknowledged is ever
//! lost, doubled, moved or reordered.

use std::time::Duration;

use kafkaesque::log::{Limits, OpenError, Shard, ShardState};
use kafkaesque::runtime::{Rng, TaskKind};
use kafkaesque::store::faults::{Contact, Faults, Late};
use tokio::sync::oneshot;

use crate::clients::{Client, Target, some_clients, work};
use crate::engine::{Broker, World, partition};
use crate::seeds::seeds;
use crate::simulate;
use crate::truth::{Check, Truth, Violation};
use crate::world::{PARTITIONS, attacked, open, read_all};
use kafkaesque::types::WriterEpoch;

/// Longest wait for a read: its owner may hear nothing of the store.
const PATIENCE: Duration = Duration::from_secs(2);

enum Phase {
    Opening(oneshot::Receiver<Result<Shard, OpenError>>),
    /// With the writer epoch whose contents were looked at.
    Open {
        shard: Shard,
        epoch: WriterEpoch,
    },
    Closed,
}

/// A broker that was an owner, or is to be one.
struct Owner {
    broker: Broker,
    phase: Phase,
    contact: Contact,
}

/// What a seed decides once.
#[derive(Clone, Debug)]
pub struct Plan {
    pub owners: usize,
    pub steps: u64,
    pub faults: Faults,
}

impl Plan {
    fn of(rng: &Rng) -> Plan {
        let rate = |limit: u64| rng.below(limit) as f64 / 100.0;
        let faults = Faults {
            latency: Duration::from_micros(rng.below(5_000)),
            jitter: Duration::from_millis(1 + rng.below(30)),
            put_errors: rate(8),
            get_errors: rate(4),
            list_errors: rate(4),
            lost_responses: rate(12),
            late_puts: Late { rate: rate(8), by: Duration::from_millis(1 + rng.below(6_000)) },
            conflicts: rate(8),
            ..Faults::default()
        };
        Plan { owners: 2 + rng.below(3) as usize, steps: 40 + rng.below(80), faults }
    }
}

pub struct Run {
    pub world: World,
    plan: Plan,
    owners: Vec<Owner>,
    clients: Vec<Client>,
    pub truth: Truth,
    /// On a store that lies, what is there may look damaged, so many times.
    pub alarms: u32,
    /// What happened, for comparing two runs of one seed.
    pub events: Vec<String>,
}

impl Run {
    pub fn new(seed: u64) -> Run {
        let world = World::new(seed);
        let plan = Plan::of(&world.runtime.rng);
        Run {
            world,
            plan,
            owners: Vec::new(),
            clients: some_clients(),
            truth: Truth::default(),
            alarms: 0,
            events: Vec::new(),
        }
    }

    /// All of a run, to the end where one owner is left and every client has its answers.
    pub async fn whole(&mut self) -> Check {
        self.new_owner();
        for _ in 0..self.plan.steps {
            self.disturb().await?;
            self.step(true).await?;
        }
        self.settle().await
    }

    fn limits(&self) -> Limits {
        let rng = &self.world.runtime.rng;
        Limits {
            window: 1 + rng.below(6) as u16,
            flush_every_segments: 2 + rng.below(9),
            commit_interval: Duration::from_millis(rng.below(2) * rng.below(8)),
            segment_max_bytes: 200 + rng.below(2_000) as usize,
            ..Limits::default()
        }
    }

    fn note(&mut self, event: String) {
        self.events.push(format!("{} {event}", self.world.runtime.clock.now_ms()));
    }

    fn new_owner(&mut self) {
        let broker = self.world.broker_of(attacked(self.limits()));
        broker.faults.set(self.plan.faults.clone());
        self.note(format!("broker {} window {}", broker.id, broker.limits.window));
        self.owners.push(Owner { broker, phase: Phase::Closed, contact: Contact::Full });
        self.start_opening(self.owners.len() - 1);
    }

    /// Makes a broker the owner, and has it open the shard.
    fn start_opening(&mut self, who: usize) {
        let owner = &mut self.owners[who];
        self.world.assign(&owner.broker);
        let (sender, receiver) = oneshot::channel();
        let broker = owner.broker.clone();
        self.world.runtime.tasks.spawn(TaskKind::Request, async move {
            // Nobody listens if the run is over.
            let _ = sender.send(open(&broker).await);
        });
        owner.phase = Phase::Opening(receiver);
    }

    /// One event that may make things go wrong.
    async fn disturb(&mut self) -> Check {
        let rng = self.world.runtime.rng.clone();
        let who = rng.below(self.owners.len() as u64) as usize;
        match rng.below(100) {
            0..5 if self.owners.len() < self.plan.owners => self.new_owner(),
            5..9 => self.contact(who, Contact::Paused),
            9..20 if self.owners[who].contact == Contact::Paused => self.contact(who, Contact::Full),
            20..22 if self.owners.len() < self.plan.owners => {
                self.contact(who, Contact::Gone);
                self.new_owner();
            }
            22..25 => self.close(who).await,
            25..29 => self.reopen(who),
            29..32 => self.owners[who].broker.faults.hold_puts(true),
            32..40 => self.owners[who].broker.faults.hold_puts(false),
            40..44 => self.delete_records(who),
            44..50 => return self.read(who).await,
            _ => {}
        }
        Ok(())
    }

    fn contact(&mut self, who: usize, contact: Contact) {
        if self.owners[who].contact != Contact::Gone {
            self.owners[who].broker.faults.contact(contact);
            self.owners[who].contact = contact;
            self.note(format!("{who} {contact:?}"));
        }
    }

    /// Closes an owner as on a hand-over; the next one does not always wait for it.
    async fn close(&mut self, who: usize) {
        let Phase::Open { shard, .. } = &self.owners[who].phase else { return };
        let shard = shard.clone();
        self.owners[who].phase = Phase::Closed;
        self.note(format!("{who} closes"));
        let (done, closed) = oneshot::channel();
        self.world.runtime.tasks.spawn(TaskKind::Request, async move {
            shard.close().await;
            let _ = done.send(());
        });
        if self.world.chance(50) {
            let limit = Duration::from_millis(self.world.runtime.rng.below(3_000));
            let _ = self.world.runtime.clock.timeout(limit, closed).await;
        }
        self.reopen(who);
    }

    /// A broker that was an owner before becomes one again.
    fn reopen(&mut self, who: usize) {
        let owner = &self.owners[who];
        let ended = match &owner.phase {
            Phase::Open { shard, .. } => {
                matches!(shard.status().state, ShardState::Failed | ShardState::Closed)
            }
            Phase::Closed => true,
            Phase::Opening(_) => false,
        };
        if ended && owner.contact == Contact::Full {
            self.note(format!("{who} opens again"));
            self.start_opening(who);
        }
    }

    fn delete_records(&mut self, who: usize) {
        let Phase::Open { shard, .. } = &self.owners[who].phase else { return };
        let (shard, index) = (shard.clone(), self.world.runtime.rng.below(PARTITIONS as u64) as i32);
        let before = self.world.runtime.rng.below(30) as i64;
        self.truth.may_delete(index, before);
        self.world.runtime.tasks.spawn(TaskKind::Request, async move {
            // Asking for more than there is, or of an owner that was fenced, is refused.
            let _ = shard.delete_records(partition(index), before).await;
        });
    }

    /// A consumer reads everything of one owner, old or new.
    async fn read(&mut self, who: usize) -> Check {
        let Phase::Open { shard, epoch } = &self.owners[who].phase else { return Ok(()) };
        let index = self.world.runtime.rng.below(PARTITIONS as u64) as i32;
        let read = self.world.runtime.clock.timeout(PATIENCE, read_all(shard, index)).await;
        match read {
            Ok(Some(contents)) => self.truth.shown(*epoch, index, &contents),
            _ => Ok(()),
        }
    }

    /// Owners open, clients work.
    async fn step(&mut self, fresh: bool) -> Check {
        for who in 0..self.owners.len() {
            self.look_at(who).await?;
        }
        let targets: Vec<Target<'_>> = self.owners.iter().filter_map(target).collect();
        let rng = &self.world.runtime.rng;
        work(&mut self.clients, &targets, &mut self.truth, rng, fresh)?;
        self.world.sleep(Duration::from_micros(rng.below(25_000))).await;
        Ok(())
    }

    /// Takes note of what became of an owner; the contents of a new one are looked at before anybody uses it.
    async fn look_at(&mut self, who: usize) -> Check {
        let owner = &mut self.owners[who];
        match &mut owner.phase {
            Phase::Opening(receiver) => match receiver.try_recv() {
                Ok(Ok(shard)) => owner.phase = Phase::Open { shard, epoch: WriterEpoch::NONE },
                Ok(Err(OpenError::Damaged(damage))) if self.alarms == 0 => {
                    return stuck(&format!("{who} does not open: {damage}"));
                }
                Ok(Err(error)) => {
                    self.alarms -= u32::from(matches!(error, OpenError::Damaged(_)));
                    owner.phase = Phase::Closed;
                    self.note(format!("{who} not open: {error}"));
                    if self.world.owner() == self.owners[who].broker.id {
                        self.start_opening(who);
                    }
                }
                Err(_) => return Ok(()),
            },
            Phase::Open { .. } => {}
            Phase::Closed => return Ok(()),
        }
        let Phase::Open { shard, epoch } = &mut self.owners[who].phase else { return Ok(()) };
        let Some(now) = shard.status().epoch.filter(|now| now != epoch) else { return Ok(()) };
        let shard = shard.clone();
        let mut seen = Vec::new();
        for index in 0..PARTITIONS {
            match self.world.runtime.clock.timeout(PATIENCE, read_all(&shard, index)).await {
                Ok(Some(contents)) if shard.status().epoch == Some(now) => seen.push((index, contents)),
                _ => return Ok(()),
            }
        }
        for (index, contents) in &seen {
            self.truth.opened(now, *index, contents)?;
        }
        let ends: Vec<i64> = seen.iter().map(|(_, contents)| contents.high_watermark).collect();
        self.note(format!("{who} open in epoch {now} with {ends:?}"));
        if let Phase::Open { epoch, .. } = &mut self.owners[who].phase {
            *epoch = now;
        }
        Ok(())
    }

    /// The store heals, one more owner comes, and everybody gets an answer.
    async fn settle(&mut self) -> Check {
        for who in 0..self.owners.len() {
            self.owners[who].broker.faults.hold_puts(false);
            if self.owners[who].contact == Contact::Paused {
                self.contact(who, Contact::Full);
            }
        }
        self.plan.faults = Faults { latency: Duration::from_millis(2), ..Faults::default() };
        self.new_owner();
        let last = self.owners.len() - 1;
        let mut left = 20_000;
        while !(self.clients.iter().all(Client::is_idle)
            && matches!(self.owners[last].phase, Phase::Open { .. }))
        {
            self.step(false).await?;
            left -= 1;
            if left == 0 {
                return stuck("the last owner does not serve");
            }
        }
        // Late PUTs land, and late answers come.
        self.world.sleep(Duration::from_secs(20)).await;
        self.step(false).await?;
        let Phase::Open { shard, epoch } = &self.owners[last].phase else {
            return stuck("the last owner is not open");
        };
        for index in 0..PARTITIONS {
            let Some(contents) = read_all(shard, index).await else {
                return stuck("the last owner does not read");
            };
            self.truth.opened(*epoch, index, &contents)?;
        }
        Ok(())
    }
}

fn stuck(problem: &str) -> Check {
    Err(Violation::Stuck(problem.to_owned()))
}

fn target(owner: &Owner) -> Option<Target<'_>> {
    match &owner.phase {
        Phase::Open { shard, epoch } if *epoch > WriterEpoch::NONE => Some(Target { epoch: *epoch, shard }),
        _ => None,
    }
}

fn run(seed: u64) -> (Check, Run) {
    simulate(async {
        let mut run = Run::new(seed);
        let check = run.whole().await;
        (check, run)
    })
}

#[test]
fn no_interleaving_of_owners_loses_doubles_or_moves_an_acknowledged_record() {
    let (mut acked, mut runs) = (0, 0);
    for seed in seeds(0..300) {
        let (check, run) = run(seed);
        if let Err(problem) = check {
            panic!(
                "KAFKAESQUE_SIM_SEEDS={seed}..{}: {problem:?}\nplan: {:?}\n{}",
                seed + 1,
                run.plan,
                run.events.join("\n")
            );
        }
        acked += run.truth.acked;
        runs += 1;
    }
    println!("{runs} runs, {acked} acknowledged records");
    assert!(acked > runs * 10, "the runs did little: {acked} acknowledged records in {runs} runs");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        assert_eq!(run(seed).1.events, run(seed).1.events, "seed {seed}");
    }
}
