//! Everything at once, by a seed: brokers are killed, suspended, stopped, removed for good and started anew, cut off from each other
//! and from a store that fails, their clocks set, one blow after the other and several together. After each, every partition has to take records again
//! within a bounded time.

mod blows;
mod churn;
mod clocks;
mod field;
mod flows;
pub mod lines;
mod old;
mod plain;
mod storm;
mod topics;
mod truth;
mod watch;
mod wire;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafkaesque::runtime::Rng;

use crate::Plan;
use crate::load::Load;
use blows::Blow;
use field::Field;
use flows::Flows;
use truth::Truth;

pub const SHARDS: usize = 6;
const BROKERS: usize = 5;
/// Those that form the cluster.
pub const FOUNDERS: usize = 3;
/// The longest that a partition may take nothing once nothing is wrong any more.
const HEALING: Duration = Duration::from_secs(30);

struct Chaos<'a> {
    field: &'a mut Field,
    load: &'a Load,
    rng: Rng,
    truth: Truth,
    struck: Struck,
}

/// The blows of a run. It tells them when it is dropped, however the run ends.
struct Struck {
    begun: Instant,
    counts: BTreeMap<Blow, usize>,
    slowest: Duration,
}

pub fn run(plan: &Plan) -> Result<(), Vec<String>> {
    let seed = plan.seed.unwrap_or_else(|| Rng::system().u64());
    println!("seed {seed}");
    let mut field = Field::form(plan);
    if plan.keep {
        println!("logs: {}", field.cluster.keep().display());
    }
    let rng = Rng::seeded(seed);
    let flows = Flows::start(plan, &field, &Rng::seeded(rng.u64()));
    let struck = Struck { begun: Instant::now(), counts: BTreeMap::new(), slowest: Duration::ZERO };
    let truth = flows.truth.clone();
    let mut chaos = Chaos { field: &mut field, load: &flows.load, rng, truth, struck };
    chaos.run(Duration::from_secs_f64(60.0 * plan.minutes));
    drop(chaos);
    let mut problems = flows.problems();
    if problems.is_empty() {
        problems = flows.finish();
    }
    field.members.clone().into_iter().for_each(|id| field.cluster.assert_runs(id));
    field.tell();
    println!("{} problems", problems.len());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

impl Chaos<'_> {
    /// Strikes until the time is up, or a promise is broken.
    fn run(&mut self, time: Duration) {
        while self.struck.begun.elapsed() < time && !self.is_broken() {
            std::thread::sleep(Duration::from_millis(200 + self.rng.below(3_000)));
            let at = self.struck.begun.elapsed().as_secs_f64();
            let (words, was_wrong) = self.round();
            if words.is_empty() {
                continue;
            }
            let words = words.join(", ");
            println!("{at:7.1} s: {words}");
            self.field.mend();
            let (healed, again) = self.heal(&words, was_wrong);
            self.struck.slowest = healed.max(self.struck.slowest);
            let again = if again.is_empty() { String::new() } else { format!("; {again:?} started again") };
            println!("           healed after {} ms{again}", healed.as_millis());
        }
    }

    /// One blow, or two at a time. Says which, and whether something was wrong around the brokers.
    fn round(&mut self) -> (Vec<String>, bool) {
        let mut words = Vec::new();
        let spoils = self.rng.below(3) > 0;
        if spoils {
            let blow = self.blow_of(&blows::BETWEEN);
            let what = self.spoil(blow);
            self.note(blow, what, &mut words);
            std::thread::sleep(self.outage());
        }
        if !spoils || self.rng.below(2) == 0 {
            let blow = if spoils { self.blow_of(&blows::HARD) } else { self.blow_of(&blows::OF_PROCESSES) };
            let what = self.strike(blow);
            self.note(blow, what, &mut words);
        }
        (words, spoils)
    }

    fn note(&mut self, blow: Blow, what: Option<String>, words: &mut Vec<String>) {
        if let Some(what) = what {
            *self.struck.counts.entry(blow).or_default() += 1;
            words.push(format!("{blow:?} {what}"));
        }
    }

    fn is_broken(&self) -> bool {
        self.truth.is_broken() || !self.load.failures().is_empty()
    }

    fn one_of<T: Copy>(&self, all: &[T]) -> T {
        all[self.rng.below(all.len() as u64) as usize]
    }

    fn blow_of(&self, all: &[(Blow, u64)]) -> Blow {
        let each = all.iter().flat_map(|(blow, weight)| std::iter::repeat_n(*blow, *weight as usize));
        self.one_of(&each.collect::<Vec<_>>())
    }

    /// Waits until all brokers are ready and every partition has taken a record since. Says how long that took, and who had to be
    /// started again.
    fn heal(&mut self, what: &str, was_wrong: bool) -> (Duration, Vec<usize>) {
        let since = Instant::now();
        let again = self.field.wait_until_ready(was_wrong);
        let is_healed = || (0..self.load.partitions()).all(|partition| self.load.has_taken(partition, since));
        while !is_healed() && !self.is_broken() {
            let is_late = since.elapsed() > HEALING;
            self.truth.check(!is_late, || format!("no progress {HEALING:?} after {what}"));
            std::thread::sleep(Duration::from_millis(5));
        }
        (since.elapsed(), again)
    }
}

impl Drop for Struck {
    fn drop(&mut self) {
        println!("{:?}; slowest healing {} ms", self.counts, self.slowest.as_millis());
    }
}
