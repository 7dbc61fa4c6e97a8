//! Stores that break a promise: the simulation must notice what that does to acknowledged records, or it could not notice
//! a fault of the engine either. And how much of what a store does wrong the engine does not depend on.

use std::time::Duration;

use kafkaesque::store::faults::{CreateFlaw, FaultPlan};

use crate::owners::Run;
use crate::simulate;
use crate::truth::{Check, Violation};

/// Seeds that are tried until one shows the damage.
const SEEDS: u64 = 400;

/// Times that such a store may look damaged before a run is given up.
const ALARMS: u32 = 200;

fn run(seed: u64, flaw: impl Fn(&FaultPlan)) -> Check {
    run_with(seed, ALARMS, flaw).0
}

/// The outcome, and how many times the store looked damaged, `alarms` at most.
fn run_with(seed: u64, alarms: u32, flaw: impl Fn(&FaultPlan)) -> (Check, u32) {
    simulate(async {
        let mut run = Run::new(seed);
        flaw(&run.world.flaws);
        run.alarms = alarms;
        let check = run.whole().await;
        (check, alarms - run.alarms)
    })
}

/// Fails unless some run on a store with `flaw` breaks a promise to a client.
fn assert_seen(flaw: impl Fn(&FaultPlan)) {
    let broken = (0..SEEDS).find_map(|seed| match run(seed, &flaw) {
        Err(Violation::Promise(problem)) => Some((seed, problem)),
        Err(Violation::Stuck(_)) | Ok(()) => None,
    });
    println!("{:?}", broken.expect("a store like that damages the log, and nobody noticed"));
}

#[test]
fn creates_that_overwrite_are_seen_to_damage_the_log() {
    assert_seen(|store| store.flaw_create(CreateFlaw::Overwrites));
    assert_seen(|store| {
        store.flaw_create(CreateFlaw::Overwrites);
        store.flaw_only("/log/");
    });
}

#[test]
fn creates_of_which_several_succeed_are_seen_to_damage_the_log() {
    assert_seen(|store| store.flaw_create(CreateFlaw::SeveralWin));
}

/// An index that goes back is older than what the log says.
#[test]
fn stale_manifests_that_are_overwritten_are_refused_as_damage() {
    let flaw = |store: &FaultPlan| {
        store.flaw_visibility(Duration::from_secs(1));
        store.flaw_create(CreateFlaw::Overwrites);
        store.flaw_only("/manifest/");
    };
    let refused = (0..SEEDS).find(|seed| run_with(*seed, 1, flaw).1 > 0);
    println!("{:?}", refused.expect("a store like that loses manifests, and nobody noticed"));
}

/// The fence is the create, not the manifest.
#[test]
fn stale_manifests_alone_damage_nothing() {
    for seed in 0..100 {
        let check = run(seed, |store| {
            store.flaw_visibility(Duration::from_secs(1));
            store.flaw_only("/manifest/");
        });
        assert_eq!(check, Ok(()), "seed {seed}");
    }
}

#[test]
fn segments_that_cannot_be_read_back_stop_an_owner_and_lose_nothing() {
    for seed in 0..100 {
        let (check, _) = run_with(seed, 0, |store| {
            store.flaw_visibility(Duration::from_secs(1));
            store.flaw_only("/log/");
        });
        assert!(!matches!(check, Err(Violation::Promise(_))), "seed {seed}: {check:?}");
    }
}
