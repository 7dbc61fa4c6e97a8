//! A cluster attacked at its network, its stores, its clocks and its processes: three to five brokers of the real metadata,
//! controller, shard hosts, coordinators and API, in one process, on one paused clock.
//! It knows nothing of sockets: brokers call each other in memory, and clients hand frames to the API.
//! Entry points: [`chaos`], which disturbs; a file for each promise: [`records`], [`watermarks`], [`proofs`], [`changes`],
//! [`owners`], [`offsets`], [`progress`]; [`flawed`], which shows that they would be seen to be broken.
//! Invariant: a seed names one run, in a process of its own ([`runs`]): chance inside libraries follows it too.

mod changes;
mod chaos;
mod clients;
mod flawed;
mod network;
mod offsets;
mod owners;
mod process;
mod progress;
mod proofs;
mod records;
mod runs;
mod watermarks;
mod world;

use crate::chance;
use crate::seeds::seeds;
use crate::simulate;
use chaos::Plan;
use runs::{Run, each_run};
use world::World;

/// A run of one seed, in a process of its own that the tests below start.
#[test]
#[ignore = "it is started by other tests, with a seed"]
fn one_run() {
    let seed = chance::seed().expect("a seed");
    fastrand::seed(seed);
    simulate(async {
        let plan = Plan::of(seed);
        let world = World::new(seed, plan.brokers, plan.shards, flawed::of_this_process());
        let check = chaos::whole(&world, &plan).await;
        world.note(format!("{plan:?}"));
        runs::report(&check, world.told(|told| told.records.acked), &world.events());
    });
}

#[test]
fn a_cluster_keeps_its_promises_whatever_happens_to_its_brokers() {
    let (mut acked, mut runs) = (0, 0);
    for run in each_run(seeds(0..50), None) {
        let Run { seed, events, .. } = &run;
        assert!(run.check.is_ok(), "KAFKAESQUE_SIM_SEEDS={seed}..{}: {:?}\n{events}", seed + 1, run.check);
        acked += run.acked;
        runs += 1;
    }
    println!("{runs} runs, {acked} acknowledged records");
    assert!(acked > runs * 100, "the runs did little: {acked} acknowledged records in {runs} runs");
}

/// The steps are the same for certain. All events are, in most runs: something in a library draws from the clock of the machine.
#[test]
fn the_same_seed_gives_the_same_steps_to_a_cluster() {
    let mut same = 0;
    for (one, other) in each_run(0..4, None).zip(each_run(0..4, None)) {
        let steps = |run: &Run| -> Vec<String> {
            let events = run.events.lines().filter_map(|line| line.split_once(' '));
            let steps = events.filter(|(_, event)| event.starts_with(chaos::STEP));
            steps.map(|(_, event)| event.to_owned()).collect()
        };
        assert_eq!(steps(&one), steps(&other), "seed {}", one.seed);
        assert!(steps(&one).len() >= 4, "{}", one.events);
        same += u32::from(one.events == other.events);
    }
    println!("{same} of 4 runs had all events at the same times");
}
