//! Blows: one is drawn, strikes, and is over when this returns; what is wrong between brokers, or with the store, stays until it is
//! mended.

use std::time::Duration;

use rustix::process::Signal;

use super::lines::Way;
use super::storm::{Cut, Storm};
use super::{Chaos, FOUNDERS};

const EXIT_LIMIT: Duration = Duration::from_secs(60);
const REMOVAL_LIMIT: Duration = Duration::from_secs(60);
/// Suspensions and outages, in milliseconds: from less than any session to more than all. In half of them others take over, and
/// something is left of it then.
const OUTAGES_MS: [u64; 8] = [50, 400, 1_000, 2_500, 5_000, 7_000, 9_000, 14_000];
/// From the end of a broker to that of its leader's contact with all others: less than it takes to miss a broker.
const BEREAVED_MS: std::ops::Range<u64> = 100..500;
/// Another one leads by then, and has given the shards of the first to somebody; and what the former leader wanted of them is not
/// given up yet.
const LONELY_MS: std::ops::Range<u64> = 4_300..6_000;
/// So many there are at most.
const MOST_SHARDS: usize = 10;
/// The farthest that a clock is set, either way.
const MOST_SECONDS: u64 = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    Kill,
    KillLeader,
    KillTwice,
    KillAll,
    Suspend,
    Term,
    Join,
    Remove,
    AddShard,
    Bereave,
    // Between brokers.
    CutPair,
    CutOneWay,
    CutRing,
    Isolate,
    IsolateLeader,
    Halve,
    Reset,
    SlowLines,
    // Between brokers and the store.
    CutRequests,
    CutAnswers,
    StoreErrors,
    SlowStore,
    LostAnswers,
    LatePuts,
    Everything,
    // Both.
    Seclude,
    /// The wall clock of a broker jumps, and back again.
    SetClock,
}

/// Those that may strike while something else is wrong, each as often as it is told.
pub const HARD: [(Blow, u64); 5] =
    [(Blow::Kill, 2), (Blow::KillLeader, 2), (Blow::KillTwice, 2), (Blow::KillAll, 1), (Blow::Suspend, 4)];
/// All that strike a process, or the cluster.
pub const OF_PROCESSES: [(Blow, u64); 10] = [
    (Blow::Kill, 2),
    (Blow::KillLeader, 2),
    (Blow::KillTwice, 2),
    (Blow::KillAll, 1),
    (Blow::Suspend, 5),
    (Blow::Term, 2),
    (Blow::Join, 3),
    (Blow::Remove, 3),
    (Blow::AddShard, 1),
    (Blow::Bereave, 6),
];
/// What goes wrong between brokers, and between them and the store, until it is mended. More often than the others: a broker that
/// goes on serving its clients while somebody else takes its shards.
pub const BETWEEN: [(Blow, u64); 17] = [
    (Blow::CutPair, 2),
    (Blow::CutOneWay, 2),
    (Blow::CutRing, 2),
    (Blow::Isolate, 6),
    (Blow::IsolateLeader, 3),
    (Blow::Halve, 2),
    (Blow::Reset, 1),
    (Blow::SlowLines, 2),
    (Blow::CutRequests, 2),
    (Blow::CutAnswers, 2),
    (Blow::StoreErrors, 2),
    (Blow::SlowStore, 2),
    (Blow::LostAnswers, 2),
    (Blow::LatePuts, 2),
    (Blow::Everything, 2),
    (Blow::Seclude, 6),
    (Blow::SetClock, 3),
];

/// Both ways between these brokers and those.
fn pairs(some: &[usize], others: &[usize]) -> Vec<Way> {
    let ways = some.iter().flat_map(|from| others.iter().map(|to| (*from, *to)));
    ways.filter(|(from, to)| from != to).flat_map(|(from, to)| [(from, to), (to, from)]).collect()
}

impl Chaos<'_> {
    pub fn outage(&self) -> Duration {
        Duration::from_millis(self.one_of(&OUTAGES_MS))
    }

    /// Does something to processes, and what ends it. None if it cannot be done now.
    pub fn strike(&mut self, blow: Blow) -> Option<String> {
        let victim = self.one_of(&self.field.members);
        let outage = self.outage();
        let pause = || std::thread::sleep(outage);
        let millis = outage.as_millis();
        let what = match blow {
            Blow::Kill | Blow::KillLeader | Blow::KillTwice => {
                let leader = self.leader().filter(|_| blow == Blow::KillLeader);
                let victim = leader.unwrap_or(victim);
                self.field.cluster.kill(victim);
                pause();
                self.field.launch(victim);
                if blow == Blow::KillTwice {
                    // It has begun to come back.
                    std::thread::sleep(Duration::from_millis(self.rng.below(700)));
                    self.field.cluster.kill(victim);
                    self.field.launch(victim);
                }
                format!("{victim} for {millis} ms")
            }
            Blow::KillAll => {
                let members = self.field.members.clone();
                members.iter().for_each(|id| self.field.cluster.kill(*id));
                pause();
                members.iter().for_each(|id| self.field.launch(*id));
                format!("for {millis} ms")
            }
            Blow::Term => {
                let status = self.field.cluster.stop(victim, EXIT_LIMIT);
                assert!(
                    status.is_some_and(|status| status.success()),
                    "broker {victim} ended with {status:?}"
                );
                pause();
                self.field.launch(victim);
                format!("{victim} for {millis} ms")
            }
            Blow::Suspend => {
                self.field.cluster.signal(victim, Signal::STOP);
                pause();
                self.field.cluster.signal(victim, Signal::CONT);
                format!("{victim} for {millis} ms")
            }
            Blow::Join => {
                let new = self.field.cluster.ids().find(|id| !self.field.members.contains(id))?;
                self.field.launch_among(new, &[new, victim]);
                self.field.members.push(new);
                format!("{new} by {victim}")
            }
            Blow::Remove if self.field.members.len() > FOUNDERS => {
                self.field.cluster.remove(victim, REMOVAL_LIMIT);
                self.field.members.retain(|id| *id != victim);
                format!("{victim}")
            }
            Blow::AddShard if self.field.shards < MOST_SHARDS => {
                self.field.add_shard();
                format!("for {} in all", self.field.shards)
            }
            Blow::Bereave => return self.bereave(),
            _ => return None,
        };
        Some(what)
    }

    /// The leader of the metadata loses a broker, and before it can do anything about that, all others.
    fn bereave(&mut self) -> Option<String> {
        let leader = self.leader()?;
        let others: Vec<usize> = self.field.members.iter().copied().filter(|id| *id != leader).collect();
        let (victim, lonely) = (self.one_of(&others), self.millis(LONELY_MS));
        self.field.cluster.kill(victim);
        std::thread::sleep(self.millis(BEREAVED_MS));
        self.field.lines.cut(pairs(&[leader], &others));
        self.field.launch(victim);
        std::thread::sleep(lonely);
        self.field.lines.mend();
        Some(format!("{leader} of {victim}, alone for {} ms", lonely.as_millis()))
    }

    fn millis(&self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(range.start + self.rng.below(range.end - range.start))
    }

    /// Lets something go wrong between brokers, or between them and the store. None if it cannot be done now.
    pub fn spoil(&mut self, blow: Blow) -> Option<String> {
        let members = self.field.members.clone();
        let one = self.one_of(&members);
        let other = self.one_of(&members.iter().copied().filter(|id| *id != one).collect::<Vec<_>>());
        let delay = Duration::from_millis(5 + self.rng.below(600));
        let (ways, what) = match blow {
            Blow::CutPair => (pairs(&[one], &[other]), format!("{one} and {other}")),
            Blow::CutOneWay => (vec![(one, other)], format!("{one} to {other}")),
            Blow::CutRing => {
                // Each hears of its neighbour on one side only.
                let next = members.iter().cycle().skip(1);
                (members.iter().copied().zip(next.copied()).collect(), format!("{members:?}"))
            }
            Blow::Isolate => (pairs(&[one], &members), format!("{one}")),
            Blow::IsolateLeader => {
                let leader = self.leader().unwrap_or(one);
                (pairs(&[leader], &members), format!("{leader}"))
            }
            Blow::Halve => {
                let half = members.len() / 2;
                (pairs(&members[..half], &members[half..]), format!("{:?} off", &members[..half]))
            }
            Blow::Seclude => {
                // Clients reach it, and it knows nothing of what happens, nor can it find out.
                let store = self.field.store.as_ref()?;
                store.set(one, Storm { cut: Cut::Requests, ..Storm::default() });
                (pairs(&[one], &members), format!("{one}"))
            }
            Blow::SetClock => {
                let seconds = self.rng.below(2 * MOST_SECONDS) as i64 - MOST_SECONDS as i64;
                self.field.clocks.as_ref()?.set(one, seconds);
                return Some(format!("of {one} by {seconds} s"));
            }
            Blow::Reset => {
                self.field.lines.reset();
                return Some("of all connections".to_owned());
            }
            Blow::SlowLines => {
                self.field.lines.slow(pairs(&members, &members), delay);
                return Some(format!("by {} ms", delay.as_millis()));
            }
            _ => return self.storm(blow, one, delay),
        };
        self.field.lines.cut(ways);
        Some(what)
    }

    /// A storm between the store and one broker or all.
    fn storm(&mut self, blow: Blow, one: usize, delay: Duration) -> Option<String> {
        let share = [5, 20, 60][self.rng.below(3) as usize];
        let is_of_all = self.rng.below(2) == 0;
        let late_by = Duration::from_millis(self.rng.below(15_000));
        let storm = match blow {
            Blow::CutRequests => Storm { cut: Cut::Requests, ..Storm::default() },
            Blow::CutAnswers => Storm { cut: Cut::Answers, ..Storm::default() },
            Blow::StoreErrors => Storm { errors: share, ..Storm::default() },
            Blow::SlowStore => Storm { delay, ..Storm::default() },
            Blow::LostAnswers => Storm { lost: share, ..Storm::default() },
            Blow::LatePuts => Storm { late: share, late_by, ..Storm::default() },
            _ => Storm { errors: 5, lost: 5, late: 5, late_by, delay: delay / 10, ..Storm::default() },
        };
        let store = self.field.store.as_ref()?;
        for id in &self.field.members {
            if is_of_all || *id == one {
                store.set(*id, storm);
            }
        }
        let who = if is_of_all { "all".to_owned() } else { one.to_string() };
        Some(format!("of {who}: {storm:?}"))
    }

    fn leader(&self) -> Option<usize> {
        self.field.cluster.leader().map(|leader| leader.broker)
    }
}
