//! A voter that was away for ten thousand changes comes back, and nobody waits for it: by a snapshot, and by the log.

use std::time::Duration;

use kafkaesque::metadata::{Command, SNAPSHOT_LOG_BYTES};
use kafkaesque::store::faults::Faults;

use super::process::{Process, Setup};
use super::world::World;
use crate::simulate;

/// Changes in one proposal, and proposals, while the voter is away.
const AT_ONCE: usize = 50;
const PROPOSALS: usize = 200;
/// Changes whose times are taken before it comes back, and while it does.
const TAKEN: usize = 100;
const STORE: Duration = Duration::from_millis(40);
/// The most that its return may cost anybody.
const MORE: Duration = Duration::from_millis(50);

fn change(process: &Process) -> Command {
    Command::AllocateProducerIds { broker: process.id, incarnation: process.metadata.incarnation() }
}

/// The longest of some changes, one after the other.
async fn longest(world: &World, process: &Process) -> Duration {
    let clock = &world.runtime().clock;
    let mut longest = Duration::ZERO;
    for _ in 0..TAKEN {
        let begun = clock.instant();
        process.metadata.propose(change(process)).await.expect("an outcome").expect("done");
        longest = longest.max(clock.instant().duration_since(begun));
        clock.sleep(Duration::from_millis(5)).await;
    }
    longest
}

/// Another broker always has a change under way: one that comes meanwhile waits for that to end, whoever else is there.
async fn others_change_too(process: Process) {
    while process.metadata.propose(change(&process)).await.is_ok() {}
}

/// Three brokers on a slow store, all there.
async fn three(snapshot_log_bytes: u64) -> (World, Process) {
    let world = World::new(7, Setup::plain(3, 1));
    world.set_snapshots(snapshot_log_bytes);
    world.set_faults(Faults { latency: STORE, ..Faults::default() });
    (0..3).for_each(|id| world.start(id));
    loop {
        world.sleep_ms(100).await;
        let all = (0..3).all(|id| world.process(id).is_some());
        if let Some(leader) = world.leader().filter(|_| all) {
            world.is_formed();
            let leader = world.process(leader).expect("it is there");
            return (world, leader);
        }
    }
}

/// A voter is away for ten thousand changes, and comes back. True if it took a snapshot.
async fn come_back(snapshot_log_bytes: u64) -> bool {
    let (world, leader) = three(snapshot_log_bytes).await;
    let away = (leader.id.0 + 1) % 3;
    world.kill(away);
    let before = leader.metadata.image().index;
    for _ in 0..PROPOSALS {
        let changes = (0..AT_ONCE).map(|_| change(&leader)).collect();
        let outcomes = leader.metadata.propose_many(changes).await.expect("outcomes");
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }
    let other = world.process((away + 1) % 3).filter(|other| other.id != leader.id);
    let other = other.or_else(|| world.process((away + 2) % 3).filter(|other| other.id != leader.id));
    world.spawn(others_change_too(other.expect("a third broker")));
    let usual = longest(&world, &leader).await;
    let missed = leader.metadata.image().index;
    assert!(missed >= before + PROPOSALS as u64, "every proposal is an entry");
    world.start(away);
    let meanwhile = longest(&world, &leader).await;
    let begun = world.runtime().clock.instant();
    let has_all = |process: &Process| process.metadata.image().index >= missed;
    while !world.process(away).is_some_and(|process| has_all(&process)) {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not catch up");
        world.sleep_ms(100).await;
    }
    println!("usual: {usual:?}, while a voter comes back: {meanwhile:?}");
    assert!(meanwhile <= usual + MORE, "{meanwhile:?}, and {usual:?} before");
    assert!(leader.metadata.leads(), "its return deposes nobody");
    let process = world.process(away).expect("it is there");
    process.metadata.snapshot_index() > before
}

#[test]
fn a_voter_that_was_away_for_ten_thousand_changes_delays_nobody() {
    assert!(simulate(come_back(8 * 1024)), "it takes a snapshot of what is in no log any more");
    assert!(!simulate(come_back(SNAPSHOT_LOG_BYTES)), "what is in the log comes from there");
}
