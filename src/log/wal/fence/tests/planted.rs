//! Logs that were damaged after any number of owners: nothing that was acknowledged is ever missing from one that opens,
//! but what nothing had vouched for yet.

use std::ops::Range;

use rand::Rng as _;

use super::seeds::seeds;
use super::sim::{Fate, Sim};
use crate::log::stored::segment::Header;

/// Damage that is done to a log at rest.
#[derive(Clone, Copy, Debug)]
enum Plant {
    /// One object is gone.
    Delete,
    /// One object, and all behind it: whatever vouched for it is gone as well.
    Truncate,
    /// An object is replaced by another of the same log.
    Copy,
    /// Two objects change places.
    Swap,
    /// The index is an older one.
    OlderIndex,
    /// All that a new log has.
    NewIndex,
}

const PLANTS: [Plant; 6] =
    [Plant::Delete, Plant::Truncate, Plant::Copy, Plant::Swap, Plant::OlderIndex, Plant::NewIndex];

#[derive(Debug, Default)]
struct Counted {
    refused: usize,
    /// Opened with all that was acknowledged.
    whole: usize,
    /// Opened without what nothing vouched for.
    unvouched: usize,
}

/// The lowest id that is damaged, if there is anything to damage.
fn plant(sim: &mut Sim, plant: Plant) -> Option<u64> {
    let from = sim.manifest.replay_after;
    let ids: Vec<u64> = sim.store.range(from..).map(|(id, _)| *id).collect();
    let mut pick = || ids.get(sim.rng.random_range(0..ids.len().max(1))).copied();
    let (one, other) = (pick()?, pick()?);
    let found = |sim: &Sim, id: u64| -> Option<Header> { sim.store.get(&id).copied() };
    match plant {
        Plant::Delete => drop(sim.store.remove(&one)),
        Plant::Truncate => drop(sim.store.split_off(&one)),
        Plant::Copy => drop(sim.store.insert(one, found(sim, other)?)),
        Plant::Swap => {
            let (a, b) = (found(sim, one)?, found(sim, other)?);
            sim.store.insert(one, b);
            sim.store.insert(other, a);
        }
        Plant::OlderIndex => {
            let at = sim.rng.random_range(0..sim.manifests.len());
            sim.manifest = sim.manifests[at].clone();
            return Some(0);
        }
        Plant::NewIndex => {
            sim.manifest = Default::default();
            return Some(0);
        }
    }
    Some(if matches!(plant, Plant::Swap) { one.min(other) } else { one })
}

fn explore(kind: Plant, seeds: Range<u64>, widths: &[u16]) -> Counted {
    let mut counted = Counted::default();
    for seed in seeds {
        let mut sim = Sim::new(seed, widths);
        let steps = 50 + (seed % 5) as usize * 50;
        sim.run(steps).unwrap_or_else(|problem| panic!("seed {seed}, windows {widths:?}: {problem}"));
        let Some(damaged) = plant(&mut sim, kind) else { continue };
        match sim.next_owner(widths[seed as usize % widths.len()]) {
            Fate::Refused => counted.refused += 1,
            Fate::Opened(log) if log.get(..sim.acked.len()) == Some(&sim.acked[..]) => counted.whole += 1,
            // Only what is gone could not be seen to be.
            Fate::Opened(_) if matches!(kind, Plant::Delete) && damaged > sim.vouched_to => {
                counted.unvouched += 1;
            }
            Fate::Opened(_) if matches!(kind, Plant::Truncate) => counted.unvouched += 1,
            Fate::Opened(log) => panic!(
                "seed {seed}, windows {widths:?}: {kind:?} at {damaged}, vouched to {}: opened with \
                 {log:?}, but {:?} was acknowledged",
                sim.vouched_to, sim.acked
            ),
        }
    }
    counted
}

#[test]
fn a_planted_loss_is_refused_or_was_vouched_for_by_nothing() {
    for widths in [&[1][..], &[2], &[3], &[6], &[1, 6, 1, 3], &[6, 1, 2, 1]] {
        for kind in PLANTS {
            let seeds = seeds(0..1_500);
            let runs = (seeds.end - seeds.start) as usize;
            let counted = explore(kind, seeds, widths);
            println!("windows {widths:?}: {kind:?} {counted:?}");
            assert!(counted.refused > runs / 15, "windows {widths:?}: {kind:?} {counted:?}");
        }
    }
}
