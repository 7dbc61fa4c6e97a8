//! Builds that break a promise: the simulation must notice, or it could not notice a fault of the real one either.

use kafkaesque::runtime::Flaws;

use super::runs::each_run;
use crate::truth::Violation;

/// Tells a process the flaw of its brokers.
pub const VARIABLE: &str = "KAFKAESQUE_SIM_FLAW";
const SEEDS: u64 = 200;

pub fn of_this_process() -> Flaws {
    match std::env::var(VARIABLE) {
        Ok(name) if !name.is_empty() => {
            Flaws::named(&name).unwrap_or_else(|none| panic!("{VARIABLE}: {none}"))
        }
        _ => Flaws::default(),
    }
}

/// Fails unless some run with this flaw breaks a promise.
fn assert_seen(flaw: &str) {
    let broken = each_run(0..SEEDS, Some(flaw)).find_map(|run| match run.check {
        Err(Violation::Promise(problem)) => Some((run.seed, problem)),
        Err(Violation::Stuck(_)) | Ok(()) => None,
    });
    println!("{flaw}: {:?}", broken.expect("a build like that breaks its promises, and nobody noticed"));
}

#[test]
fn a_broker_that_answers_before_it_stores_is_seen() {
    assert_seen("acks-early");
}

#[test]
fn a_broker_that_heeds_no_fence_is_seen() {
    assert_seen("no-fence");
}

#[test]
fn a_controller_that_assigns_before_a_release_is_seen() {
    assert_seen("early-assignments");
}

#[test]
fn a_controller_that_assigns_whatever_has_happened_since_is_seen() {
    assert_seen("blind-assignments");
}

#[test]
fn a_proof_that_lasts_three_seconds_is_seen() {
    assert_seen("proofs-of-3s");
}
