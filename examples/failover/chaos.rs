//! Everything at once, by a seed: brokers are killed, suspended, stopped, removed for good and started anew, one after the other
//! and all together. After each blow, every partition has to take records again within a bounded time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafkaesque::runtime::Rng;
use rustix::process::Signal;

use super::load::Load;
use super::processes::Cluster;

pub const SHARDS: usize = 6;
pub const BROKERS: usize = 5;
/// Those that form the cluster.
pub const FOUNDERS: usize = 3;
/// The longest that a partition may take nothing once all brokers run again.
const HEALING: Duration = Duration::from_secs(30);
const EXIT_LIMIT: Duration = Duration::from_secs(30);
const REMOVAL_LIMIT: Duration = Duration::from_secs(60);
/// Suspensions and outages, in milliseconds: from less than any session to more than all.
const OUTAGES_MS: [u64; 6] = [50, 400, 1_000, 2_500, 5_000, 9_000];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    Kill,
    KillLeader,
    KillTwice,
    KillAll,
    Term,
    Suspend,
    Join,
    Remove,
}

const BLOWS: [Blow; 8] = [
    Blow::Kill,
    Blow::KillLeader,
    Blow::KillTwice,
    Blow::KillAll,
    Blow::Term,
    Blow::Suspend,
    Blow::Join,
    Blow::Remove,
];

pub struct Chaos<'a> {
    pub cluster: &'a mut Cluster,
    pub load: &'a Load,
    pub rng: Rng,
    /// Brokers that are members.
    pub members: Vec<usize>,
}

impl Chaos<'_> {
    /// Strikes until the time is up. Returns the brokers that are there then.
    pub fn run(mut self, time: Duration) -> Vec<usize> {
        let begun = Instant::now();
        let mut struck: BTreeMap<Blow, usize> = BTreeMap::new();
        let mut longest = Duration::ZERO;
        while begun.elapsed() < time {
            let calm = 200 + self.rng.below(4_000);
            std::thread::sleep(Duration::from_millis(calm));
            let blow = self.one_of(&BLOWS);
            let at = begun.elapsed().as_secs_f64();
            let Some(what) = self.strike(blow) else { continue };
            *struck.entry(blow).or_default() += 1;
            let healed = Instant::now();
            self.heal(healed, &format!("{blow:?} {what}"));
            longest = longest.max(healed.elapsed());
            println!("{at:7.1} s: {blow:?} {what}; healed after {} ms", healed.elapsed().as_millis());
        }
        println!("{struck:?}; slowest healing {} ms", longest.as_millis());
        self.members
    }

    fn one_of<T: Copy>(&self, all: &[T]) -> T {
        all[self.rng.below(all.len() as u64) as usize]
    }

    /// Does something, and what ends it. None if it cannot be done now.
    fn strike(&mut self, blow: Blow) -> Option<String> {
        let victim = self.one_of(&self.members);
        let outage = Duration::from_millis(self.one_of(&OUTAGES_MS));
        let pause = || std::thread::sleep(outage);
        let what = match blow {
            Blow::Kill | Blow::KillLeader | Blow::KillTwice => {
                let leader = self.cluster.leader().map(|leader| leader.broker);
                let victim = leader.filter(|_| blow == Blow::KillLeader).unwrap_or(victim);
                self.cluster.kill(victim);
                pause();
                self.cluster.launch(victim);
                if blow == Blow::KillTwice {
                    // It has begun to come back.
                    std::thread::sleep(Duration::from_millis(self.rng.below(700)));
                    self.cluster.kill(victim);
                    self.cluster.launch(victim);
                }
                format!("{victim} for {} ms", outage.as_millis())
            }
            Blow::KillAll => {
                self.members.iter().for_each(|id| self.cluster.kill(*id));
                pause();
                self.members.iter().for_each(|id| self.cluster.launch(*id));
                format!("for {} ms", outage.as_millis())
            }
            Blow::Term => {
                let status = self.cluster.stop(victim, EXIT_LIMIT);
                assert!(
                    status.is_some_and(|status| status.success()),
                    "broker {victim} ended with {status:?}"
                );
                pause();
                self.cluster.launch(victim);
                format!("{victim} for {} ms", outage.as_millis())
            }
            Blow::Suspend => {
                self.cluster.signal(victim, Signal::STOP);
                pause();
                self.cluster.signal(victim, Signal::CONT);
                format!("{victim} for {} ms", outage.as_millis())
            }
            Blow::Join => {
                let new = self.cluster.ids().find(|id| !self.members.contains(id))?;
                self.cluster.launch_among(new, &[new, victim]);
                self.members.push(new);
                format!("{new} by {victim}")
            }
            Blow::Remove if self.members.len() > FOUNDERS => {
                self.cluster.remove(victim, REMOVAL_LIMIT);
                self.members.retain(|id| *id != victim);
                format!("{victim}")
            }
            Blow::Remove => return None,
        };
        Some(what)
    }

    /// Waits until all brokers are ready and every partition has taken a record since.
    fn heal(&mut self, since: Instant, what: &str) {
        for id in self.members.clone() {
            self.cluster.wait_until_ready(id);
        }
        let is_healed = || (0..self.load.partitions()).all(|partition| self.load.has_taken(partition, since));
        while !is_healed() {
            assert!(since.elapsed() < HEALING, "no progress {HEALING:?} after {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
