//! A cluster attacked at its network, its stores, its clocks and its processes: three to five brokers of the real metadata,
//! controller, shard hosts, coordinators, API and connections, in one process, on one paused clock.
//! It knows nothing of sockets: half of the seeds carry calls of brokers one by one, and lose some or bring them twice; the others
//! have the transport of real brokers, on streams of bytes ([`streams`]). Clients come to the connection code by such streams, too
//! ([`asking`]).
//! Entry points: [`chaos`], which disturbs; a file for each promise: [`records`], [`watermarks`], [`proofs`], [`changes`],
//! [`owners`], [`shards`], [`starts`], [`offsets`], [`groups`], [`members`], [`levels`], [`progress`]; [`flawed`], which shows that
//! they would be seen to be broken; [`slow_store`], which counts requests in a row.
//! Invariant: a seed names one run, in a process of its own ([`runs`]): chance and clocks inside libraries follow it too.

mod absence;
mod asking;
mod carrier;
mod changes;
mod chaos;
mod classic;
mod clients;
mod consumer;
mod coordinated;
mod flawed;
mod groups;
mod host;
mod levels;
mod members;
mod network;
mod offsets;
mod owners;
mod process;
mod progress;
mod proofs;
mod records;
mod runs;
mod shards;
mod slow_store;
mod starts;
mod streams;
mod told;
mod watermarks;
mod world;

use crate::chance;
use crate::seeds::seeds;
use crate::simulate;
use chaos::{Plan, Troubles};
use runs::{Run, each_run};
use world::World;

/// The command that runs one seed again, behind the variable that names it.
const AGAIN: &str = "cargo test --test sim cluster::a_cluster_keeps";

/// A run of one seed, in a process of its own that the tests below start.
#[test]
#[ignore = "it is started by other tests, with a seed"]
fn one_run() {
    let seed = chance::seed().expect("a seed");
    fastrand::seed(seed);
    simulate(async {
        let plan = Plan::of(seed);
        let world = World::new(seed, plan.setup(flawed::of_this_process()));
        if plan.troubles == Troubles::Upgrades {
            world.told(|told| (0..plan.founders).for_each(|id| told.levels.set(id, levels::OLD)));
        }
        let check = chaos::whole(&world, &plan).await;
        world.note(format!("{plan:?}"));
        runs::report(&check, world.told(|told| told.records.acked), &world.events());
    });
}

#[test]
fn a_cluster_keeps_its_promises_whatever_happens_to_its_brokers() {
    let (mut acked, mut runs) = (0, 0);
    for run in each_run(seeds(0..300), None) {
        let Run { seed, events, .. } = &run;
        assert!(
            run.check.is_ok(),
            "{:?}\n{events}\nagain by: KAFKAESQUE_SIM_SEEDS={seed}..{} {AGAIN}",
            run.check,
            seed + 1
        );
        acked += run.acked;
        runs += 1;
    }
    println!("{runs} runs, {acked} acknowledged records");
    assert!(acked > runs * 100, "the runs did little: {acked} acknowledged records in {runs} runs");
}

#[test]
fn the_same_seed_gives_the_same_events_in_a_cluster() {
    for (one, other) in each_run(0..4, None).zip(each_run(0..4, None)) {
        let steps = one.events.lines().filter(|line| line.contains(chaos::STEP)).count();
        assert!(steps >= 4, "{}", one.events);
        let differ = one.events.lines().zip(other.events.lines()).find(|(one, other)| one != other);
        assert!(one.events == other.events, "seed {}: {differ:?}", one.seed);
    }
}
