//! Requests to the store that a cluster makes one after the other, by the time that they take where each takes long and nothing
//! else goes wrong.

use std::time::Duration;

use kafkaesque::metadata::Command;
use kafkaesque::store::faults::Faults;

use super::chaos;
use super::process::{Process, Setup};
use super::starts::Kept;
use super::world::World;
use crate::simulate;

/// The time of a request, of any kind.
const REQUEST: Duration = Duration::from_millis(40);
/// The time for which all is left alone, so that nothing of a start is still going on.
const REST_MS: u64 = 20_000;

/// A formed cluster, at rest, whose store takes so long for each request.
async fn cluster(seed: u64, founders: i32, shards: u32, request: Duration) -> World {
    let world = World::new(seed, Setup::plain(founders, shards));
    world.set_faults(Faults { latency: request, ..Faults::default() });
    chaos::form(&world, founders, Kept::All).await.expect("forms");
    world.sleep_ms(REST_MS).await;
    world
}

async fn took(world: &World, work: impl Future<Output = ()>) -> Duration {
    let clock = &world.runtime().clock;
    let begun = clock.instant();
    work.await;
    clock.instant() - begun
}

async fn change(process: &Process) {
    let command =
        Command::AllocateProducerIds { broker: process.id, incarnation: process.metadata.incarnation() };
    process.metadata.propose(command).await.expect("proposed").expect("done");
}

/// Waits until something is true, to the millisecond.
async fn until(world: &World, is_true: impl Fn() -> bool) {
    while !is_true() {
        world.sleep_ms(1).await;
    }
}

#[test]
fn a_change_of_the_metadata_takes_at_most_two_requests_in_a_row() {
    simulate(async {
        let world = cluster(1, 3, 6, REQUEST).await;
        for id in world.brokers() {
            let process = world.process(id).expect("runs");
            let took = took(&world, change(&process)).await;
            println!("a change asked of {id}: {took:?}");
            // What brokers say to each other takes time too.
            assert!(took < 2 * REQUEST + REQUEST / 4, "{took:?} at {id}");
        }
    });
}

/// The time from the end of a leader until there is another.
async fn election(seed: u64, request: Duration) -> Duration {
    let world = cluster(seed, 3, 6, request).await;
    world.kill(world.leader().expect("a leader"));
    took(&world, until(&world, || world.leader().is_some())).await
}

#[test]
fn an_election_takes_at_most_four_requests_in_a_row() {
    // Each waits for a time that it draws, so that only many differ by what the store takes.
    let [quick, slow] = [Duration::ZERO, REQUEST]
        .map(|request| (0..20).map(|seed| simulate(election(seed, request))).sum::<Duration>() / 20);
    println!("elections take {quick:?}, and {slow:?} where a request takes {REQUEST:?}");
    assert!(slow < quick + 4 * REQUEST);
}

/// The time from the start of a lone broker until all of its shards are open.
async fn opening(shards: u32) -> Duration {
    let world = cluster(1, 1, shards, REQUEST).await;
    world.kill(0);
    world.start(0);
    until(&world, || world.process(0).is_some()).await;
    let process = world.process(0).expect("runs");
    took(&world, until(&world, || process.shards.is_ready())).await
}

#[test]
fn eight_shards_open_in_the_time_of_one() {
    let [one, eight] = [1, 8].map(|shards| simulate(opening(shards)));
    println!("one shard: {one:?}, eight: {eight:?}");
    assert!(one > 3 * REQUEST, "a fence alone is a PUT between two looks");
    assert!(eight <= one + one / 5);
}
