//! One run: a cluster that starts, is disturbed, heals, and is looked at.

use std::time::Duration;

use futures::FutureExt as _;
use kafkaesque::protocol::messages::create_topics;
use kafkaesque::runtime::{Flaws, Rng};
use kafkaesque::store::faults::{Contact, Faults, Late};
use kafkaesque::types::BrokerId;

use super::clients::{PARTITIONS, TOPIC};
use super::network::Weather;
use super::process::Setup;
use super::starts::Kept;
use super::world::{BEGIN_MS, SKEW_MS, World};
use super::{
    changes, classic, consumer, levels, members, offsets, owners, progress, proofs, records, shards, starts,
};
use crate::truth::{Check, Violation};

/// The time that the first start of a cluster may take.
const START_MS: i64 = 60_000;
/// The beginning of an event that is a step of the plan.
pub const STEP: &str = "step ";
const PRODUCERS: i64 = 5;

/// The kind of events in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Troubles {
    Disturbances,
    /// Nothing but that leaders of the metadata are alone, one after the other: what they then do wrong is not covered up by
    /// something else.
    Lonely,
    /// Brokers join, and are removed.
    Members,
    /// Brokers start as an older program, and are upgraded one after the other.
    Upgrades,
}

/// A seed's decisions about a whole run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Brokers that form the cluster.
    pub founders: i32,
    pub shards: u32,
    pub steps: u64,
    /// Of a generator of its own: the steps of a seed stay the same whatever comes of them.
    pub steps_seed: u64,
    pub faults: Faults,
    pub weather: Weather,
    pub troubles: Troubles,
    /// The number of shards rises.
    pub adds_shards: bool,
    /// Calls of brokers go by the transport of real ones, over streams of bytes.
    pub is_streamed: bool,
    pub kept: Kept,
    /// Bytes of the metadata's log between two snapshots.
    pub snapshot_log_bytes: u64,
}

impl Plan {
    pub fn of(seed: u64) -> Plan {
        let rng = Rng::seeded(seed ^ 0x5eed);
        let rate = |limit: u64| rng.below(limit) as f64 / 100.0;
        let faults = Faults {
            latency: Duration::from_micros(rng.below(5_000)),
            jitter: Duration::from_millis(1 + rng.below(20)),
            put_errors: rate(4),
            get_errors: rate(3),
            list_errors: rate(3),
            lost_responses: rate(4),
            late_puts: Late { rate: rate(4), by: Duration::from_millis(1 + rng.below(6_000)) },
            conflicts: rate(4),
            ..Faults::default()
        };
        let weather = Weather {
            latency: Duration::from_millis(1 + rng.below(20)),
            loss: rng.below(2) * rng.below(4),
            twice: rng.below(6),
            resets: Rng::seeded(seed ^ 0x7e5e7).below(2) * 3,
        };
        let founders = if rng.below(4) == 0 { 5 } else { 3 };
        let (steps, steps_seed) = (4 + rng.below(8), rng.u64());
        let plan = Plan {
            founders,
            shards: 4,
            steps,
            steps_seed,
            faults,
            weather,
            troubles: if seed % 8 == 2 { Troubles::Upgrades } else { Troubles::Disturbances },
            adds_shards: seed / 8 % 2 == 1,
            // Half of the seeds of each kind.
            is_streamed: seed.count_ones() % 2 == 1,
            kept: Kept::All,
            snapshot_log_bytes: 512 << (2 * Rng::seeded(!seed).below(5)),
        };
        match seed % 8 {
            3 | 7 => plan.lonely(),
            1 | 5 => plan.changing(&rng),
            4 => Plan { kept: kept(seed, &rng), ..plan },
            _ => plan,
        }
    }

    fn changing(self, rng: &Rng) -> Plan {
        let founders = if rng.below(3) == 0 { 1 } else { self.founders };
        Plan { founders, steps: 6 + rng.below(6), troubles: Troubles::Members, ..self }
    }

    fn lonely(self) -> Plan {
        let latency = Duration::from_millis(2);
        let faults = Faults { latency, ..Faults::default() };
        let weather = Weather { latency, ..Weather::default() };
        Plan { steps: 5, faults, weather, troubles: Troubles::Lonely, adds_shards: false, ..self }
    }

    pub fn setup(&self, flaws: Flaws) -> Setup {
        let Plan { founders, shards, is_streamed, .. } = *self;
        Setup { founders, shards, flaws, is_streamed, expires: self.kept != Kept::All }
    }
}

/// Half of those that do not keep all keep what is young: of a broker whose clock is ahead, that is not much.
fn kept(seed: u64, rng: &Rng) -> Kept {
    match seed % 16 {
        4 => Kept::Bytes(500 + rng.below(5_000)),
        _ => Kept::Millis((SKEW_MS + rng.below(8_000)) as i64),
    }
}

/// All of a run.
pub async fn whole(world: &World, plan: &Plan) -> Check {
    let run = async {
        world.set_snapshots(plan.snapshot_log_bytes);
        form(world, plan.founders, plan.kept).await?;
        let work = work(world);
        if plan.adds_shards {
            world.spawn(shards::add(world.clone()));
        }
        let rng = Rng::seeded(plan.steps_seed);
        world.set_faults(plan.faults.clone());
        world.network().set(plan.weather);
        for _ in 0..plan.steps {
            let rest = match plan.troubles {
                Troubles::Disturbances => disturb(world, &rng),
                Troubles::Lonely => lonely(world, &rng),
                Troubles::Members => change(world, &rng),
                Troubles::Upgrades => upgrade(world, &rng),
            };
            for _ in 0..rest {
                world.sleep_ms(100).await;
                world.bury();
                world.restart(30);
                if let Some(problem) = world.problem() {
                    return Err(Violation::Promise(problem));
                }
            }
        }
        heal(world);
        world.keep_everybody();
        levels::upgrade_all(world).await;
        progress::resume(world).await?;
        world.settle();
        let ended = world.runtime().clock.timeout(Duration::from_secs(60), work).await;
        ended.map_err(|_| Violation::Stuck("a client has no answer".to_owned()))?;
        look(world).await
    };
    let check = run.await;
    if matches!(check, Err(Violation::Stuck(_))) {
        owners::tell(world);
    }
    match world.problem() {
        Some(problem) => Err(Violation::Promise(problem)),
        None => check,
    }
}

/// Starts all brokers, and makes the topic.
pub async fn form(world: &World, founders: i32, kept: Kept) -> Check {
    world.told(|told| told.starts.kept = kept);
    for id in 0..founders {
        world.start(id);
    }
    loop {
        world.sleep_ms(20).await;
        if world.now_ms() - BEGIN_MS > START_MS {
            return Err(Violation::Stuck("the cluster does not form".to_owned()));
        }
        let Some(process) = world.somebody() else { continue };
        let topic = create_topics::CreatableTopic {
            configs: configs(kept),
            name: TOPIC.to_owned(),
            num_partitions: PARTITIONS,
            replication_factor: -1,
            ..Default::default()
        };
        let request = create_topics::Request { topics: vec![topic], ..Default::default() };
        if let Some(answer) = world.ask(&process, request, 7).await
            && [0, 36].contains(&answer.topics[0].error_code)
        {
            world.is_formed();
            return Ok(());
        }
    }
}

fn configs(kept: Kept) -> Vec<create_topics::CreatableTopicConfig> {
    let (millis, bytes) = match kept {
        Kept::All => (-1, -1),
        Kept::Bytes(bytes) => (-1, bytes as i64),
        Kept::Millis(millis) => (millis, -1),
    };
    let config = |(name, value): (&str, i64)| create_topics::CreatableTopicConfig {
        name: name.to_owned(),
        value: Some(value.to_string()),
    };
    [("retention.ms", millis), ("retention.bytes", bytes)].map(config).to_vec()
}

/// Has all clients work. Returns when those that must have an answer have one.
fn work(world: &World) -> impl Future<Output = ()> + use<> {
    for partition in 0..PARTITIONS {
        world.spawn(records::consume(world.clone(), partition));
    }
    world.spawn(proofs::ask_for_ends(world.clone()));
    world.spawn(starts::delete(world.clone()));
    for who in 0..2 {
        world.spawn(changes::administer(world.clone(), who));
        world.spawn(offsets::commit(world.clone(), who));
        world.spawn(classic::belong(world.clone(), "classic".to_owned()));
        world.spawn(consumer::belong(world.clone(), "consumer".to_owned(), who));
    }
    let producers: Vec<_> =
        (0..PRODUCERS).map(|id| world.spawn(records::produce(world.clone(), id, id % 3 != 2))).collect();
    futures::future::join_all(producers).map(drop)
}

/// A leader that is alone until another one has taken over, while somebody may go whose shards it has to place. Returns for how many
/// tenths of a second nothing else is to happen.
fn lonely(world: &World, rng: &Rng) -> u64 {
    let (who, kills) = (world.broker(rng.u64()), rng.below(2) == 0);
    let (calm, alone) = (rng.below(900), 1_500 + rng.below(3_500));
    world.note(format!("{STEP}alone, {who}"));
    let leader = world.leader().unwrap_or(who);
    if kills {
        world.kill((leader + 1) % world.brokers().len() as i32);
    }
    let world = world.clone();
    world.clone().spawn(async move {
        world.sleep_ms(calm).await;
        world.isolate(leader, alone, !kills);
    });
    60 + rng.below(20)
}

/// A broker joins or leaves, or something else happens meanwhile. Returns for how many tenths of a second nothing else is to happen.
fn change(world: &World, rng: &Rng) -> u64 {
    let (who, what) = (world.broker(rng.u64()), rng.below(100));
    world.note(format!("{STEP}{what}, {who} of {:?}", world.brokers()));
    match what {
        0..30 => drop(world.join()),
        30..60 if world.brokers().len() < 2 => {}
        30..50 => drop(world.spawn(members::remove(world.clone(), who, true))),
        50..60 => {
            world.kill(who);
            world.spawn(members::remove(world.clone(), who, false));
        }
        60..75 => kill_all(world),
        _ => return disturb(world, rng),
    }
    10 + rng.below(50)
}

/// A broker stops, to be another program from then on, or something else happens. Returns for how many tenths of a second nothing
/// else is to happen.
fn upgrade(world: &World, rng: &Rng) -> u64 {
    let (who, what) = (world.broker(rng.u64()), rng.below(100));
    let level = match what {
        0..50 => levels::NEW,
        50..60 => levels::OLD,
        _ => return disturb(world, rng),
    };
    world.note(format!("{STEP}{what}, {who} is to be of level {level}"));
    world.told(|told| told.levels.set(who, level));
    world.leave(who);
    10 + rng.below(50)
}

/// Every process at once: memory that nobody has stored is gone.
fn kill_all(world: &World) {
    world.everybody().into_iter().for_each(|id| world.kill(id));
}

/// One event that may make things go wrong. Returns for how many tenths of a second nothing else is to happen.
fn disturb(world: &World, rng: &Rng) -> u64 {
    let all = world.brokers().len() as u64;
    let (first, apart) = (rng.below(all), 1 + rng.below(all - 1));
    let (who, other) = (world.broker(first), world.broker(first + apart));
    let (own, peer) = (BrokerId(who), BrokerId(other));
    let what = rng.below(100);
    world.note(format!("{STEP}{what}, {who} and {other}"));
    match what {
        0..15 => world.kill(who),
        15..18 => kill_all(world),
        18..34 => world.contact(who, Contact::Paused),
        34..42 => {
            world.note(format!("{who} does not reach {other}"));
            world.network().cut(own, peer);
        }
        42..50 => {
            world.note(format!("{who} and {other} are apart"));
            world.network().cut(own, peer);
            world.network().cut(peer, own);
        }
        50..64 => {
            let (is_leader, is_shunned) = (rng.below(3) > 0, rng.below(2) == 0);
            let alone = world.leader().filter(|_| is_leader).unwrap_or(who);
            world.isolate(alone, 300 + rng.below(5_000), is_shunned);
        }
        64..72 => {
            world.note(format!("{who} stores nothing"));
            world.hold_puts(who, true);
        }
        72..86 => world.leave(who),
        _ => {
            world.note("lines are mended".to_owned());
            world.network().mend();
            for id in world.everybody() {
                world.hold_puts(id, false);
                world.contact(id, Contact::Full);
            }
        }
    }
    1 + rng.below(40)
}

/// Everything is well again, and everybody is there.
fn heal(world: &World) {
    world.note("all is healed".to_owned());
    world.network().mend();
    world.network().set(Weather { latency: Duration::from_millis(2), ..Weather::default() });
    world.set_faults(Faults { latency: Duration::from_millis(2), ..Faults::default() });
    for id in world.everybody() {
        world.hold_puts(id, false);
        world.contact(id, Contact::Full);
    }
}

/// Late PUTs land, late answers come, and then everything that was acknowledged is there.
async fn look(world: &World) -> Check {
    world.sleep_ms(8_000).await;
    for partition in 0..PARTITIONS {
        let all =
            world.runtime().clock.timeout(Duration::from_secs(30), records::read_all(world, partition)).await;
        let (start, all) = all.map_err(|_| Violation::Stuck(format!("partition {partition} is not read")))?;
        world.note(format!("partition {partition} starts at {start}, with {} records", all.len()));
        let now_ms = world.now_ms();
        world.told(|told| told.found(partition, start, all, now_ms))?;
    }
    members::look(world)?;
    levels::look(world).await?;
    shards::look(world).await?;
    for id in world.brokers() {
        let Some(process) = world.process(id) else { continue };
        let Ok(image) = process.metadata.sync().await else {
            return Err(Violation::Stuck(format!("{id} does not sync")));
        };
        world.told(|told| told.changes.counted(&image))?;
    }
    Ok(())
}
