//! The rounds: trouble for one broker, and the way back to balance.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::chaos::lines::Lines;
use super::group::Group;
use super::load::Load;
use super::probe::{self, Probe};
use super::processes::Cluster;
use super::table::Table;
use super::{Mode, Plan};

const BALANCE_LIMIT: Duration = Duration::from_secs(60);
const TAKEOVER_LIMIT: Duration = Duration::from_secs(30);
const EXIT_LIMIT: Duration = Duration::from_secs(30);
/// From the end of a cut until every partition takes records.
const HEALING_LIMIT: Duration = Duration::from_secs(10);

pub struct Rounds<'a> {
    pub plan: &'a Plan,
    pub cluster: &'a mut Cluster,
    pub lines: Option<Lines>,
    pub load: &'a Load,
    pub group: &'a Group,
    pub table: &'a mut Table,
    pub problems: Vec<String>,
}

/// What a broker is cut off from.
const CUTS: [&str; 4] =
    ["the others", "the store", "the others, which reach it", "the others, which it reaches"];

impl Rounds<'_> {
    pub fn run_all(&mut self) {
        self.calm();
        for round in 0..self.plan.rounds {
            self.run(round);
        }
    }

    /// The longest pauses while nothing happens, to compare with.
    fn calm(&mut self) {
        self.balanced();
        self.load.look();
        std::thread::sleep(Duration::from_secs(3));
        let longest = self.load.look().into_iter().max().unwrap_or_default();
        self.table.add("pause while nothing happens", longest);
    }

    fn run(&mut self, round: usize) {
        let leader = self.cluster.leader();
        let victim = match (self.plan.mode, leader) {
            (Mode::Leader, Some(leader)) => leader.broker,
            (Mode::StopFollower, Some(leader)) => (leader.broker + 1 + round % 2) % self.cluster.ids().len(),
            (Mode::Cut, _) => (round / CUTS.len()) % self.cluster.ids().len(),
            _ => round % self.cluster.ids().len(),
        };
        let leads = leader.is_some_and(|leader| leader.broker == victim);
        let (leaders, rebalances) = (self.load.leaders(), self.group.rebalances());
        let affected: Vec<usize> = (0..leaders.len()).filter(|p| leaders[*p] == victim).collect();
        self.load.look();
        let begun = Instant::now();
        let told = match self.plan.mode {
            Mode::Term => self.term(victim),
            Mode::Stop | Mode::StopFollower => self.suspend(victim, &affected, begun),
            Mode::Cut => self.cut(victim, CUTS[round % CUTS.len()], &affected),
            _ => self.kill(victim, &leaders),
        };
        let pauses = self.load.look();
        let longest = |of_affected: bool| {
            let of = |p: &usize| affected.contains(p) == of_affected;
            (0..pauses.len()).filter(of).map(|p| pauses[p]).max().unwrap_or_default()
        };
        let who = match (self.plan.mode, leads) {
            (Mode::Stop | Mode::StopFollower, _) => "after SIGCONT",
            (Mode::Cut, _) => "after healing",
            (_, true) => "owner and leader of the metadata",
            (_, false) => "owner",
        };
        self.table.add(&format!("{who}: pause of its partitions"), longest(true));
        self.table.add(&format!("{who}: pause of others' partitions"), longest(false));
        if self.cluster.leader().map(|now| now.term) != leader.map(|before| before.term) && !leads {
            let changed = format!("round {round}: the term has changed, though broker {victim} did not lead");
            println!("{changed}");
            self.problems.extend((self.plan.mode == Mode::StopFollower).then_some(changed));
        }
        let back = self.come_back(victim);
        println!(
            "round {round}: {victim} ({who}, {} partitions) paused {} ms, others {} ms{told}; balance after {:.1} s, pause {} ms; \
             {} rebalances",
            affected.len(),
            longest(true).as_millis(),
            longest(false).as_millis(),
            back.as_secs_f64(),
            self.look_back().as_millis(),
            self.group.rebalances() - rebalances,
        );
    }

    fn kill(&mut self, victim: usize, leaders: &[usize]) -> String {
        let bootstrap = self.cluster.bootstrap();
        let other = leaders.iter().position(|leader| *leader != victim);
        let groups = (0..100).map(|number| format!("probe-{number}"));
        let group = groups.into_iter().find(|group| {
            self.cluster.coordinator(victim, group).is_some_and(|coordinator| coordinator != victim)
        });
        let group = group.expect("a group at another broker");
        let probes = other.filter(|_| self.plan.mode == Mode::Leader).map(|partition| {
            let probes = (Probe::of_end(&bootstrap, partition), Probe::of_committed(&bootstrap, &group));
            std::thread::sleep(Duration::from_secs(1));
            self.load.look();
            probes
        });
        self.cluster.kill(victim);
        self.recovered(Instant::now());
        std::thread::sleep(Duration::from_secs(1));
        let Some((end, committed)) = probes else { return String::new() };
        let (end, committed) = (end.finish(), committed.finish());
        self.table.add("between two answers to ListOffsets, of another's partition", end);
        self.table.add("between two answers to OffsetFetch, of another's group", committed);
        format!(", ListOffsets {} ms, OffsetFetch {} ms", end.as_millis(), committed.as_millis())
    }

    fn term(&mut self, victim: usize) -> String {
        let begun = Instant::now();
        let status = self.cluster.stop(victim, EXIT_LIMIT);
        let took = begun.elapsed();
        assert!(status.is_some_and(|status| status.success()), "broker {victim} ended with {status:?}");
        self.recovered(Instant::now());
        std::thread::sleep(Duration::from_secs(1));
        self.table.add("from SIGTERM to the exit", took);
        format!(", exit after {} ms", took.as_millis())
    }

    /// The pause is that until another has taken over; what comes after SIGCONT is told apart.
    fn suspend(&mut self, victim: usize, affected: &[usize], begun: Instant) -> String {
        self.cluster.signal(victim, Signal::STOP);
        // What was on its way may still arrive.
        std::thread::sleep(Duration::from_millis(300));
        let stopped = Instant::now();
        self.recovered(stopped);
        let took = begun.elapsed();
        let until = begun + Duration::from_secs(self.plan.suspend_seconds);
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        let pauses = self.load.look();
        let pause = affected.iter().map(|p| pauses[*p]).max().unwrap_or_default();
        self.table.add("suspended: pause until another has taken over", pause);
        let ends = self.load.ends(affected);
        let cluster = &*self.cluster;
        let answers = std::thread::scope(|scope| {
            let resumed = scope.spawn(|| probe::ends_of_resumed(cluster, victim, &ends));
            // The first questions wait for the broker when it goes on.
            std::thread::sleep(Duration::from_millis(300));
            cluster.signal(victim, Signal::CONT);
            resumed.join().expect("the one who asks")
        });
        self.problems.extend(answers.old);
        format!(
            ", taken over within {} ms, {} answers about ends when resumed",
            took.as_millis(),
            answers.count
        )
    }

    /// The pause is that while the broker is cut off; what comes after healing is told apart.
    fn cut(&mut self, victim: usize, from: &str, affected: &[usize]) -> String {
        let others: Vec<usize> = self.cluster.ids().filter(|id| *id != victim).collect();
        let store = self.cluster.dir().join(format!("store-{victim}"));
        if from == CUTS[1] {
            // Empty, it is an outage.
            std::fs::write(&store, "").expect("a file of the store's faults");
        }
        let lines = self.lines.as_ref().expect("lines that can be cut");
        if from == CUTS[0] || from == CUTS[2] {
            lines.cut(others.iter().map(|other| (victim, *other)));
        }
        if from == CUTS[0] || from == CUTS[3] {
            lines.cut(others.iter().map(|other| (*other, victim)));
        }
        std::thread::sleep(Duration::from_secs(self.plan.suspend_seconds));
        let pauses = self.load.look();
        let pause = affected.iter().map(|p| pauses[*p]).max().unwrap_or_default();
        self.table.add(&format!("cut off from {from}: pause of its partitions"), pause);
        lines.mend();
        if from == CUTS[1] {
            std::fs::remove_file(&store).expect("a file of the store's faults");
        }
        let healed = Instant::now();
        self.recovered(healed);
        let took = healed.elapsed();
        if took > HEALING_LIMIT {
            self.problems
                .push(format!("cut off from {from}: {} ms from healing to records", took.as_millis()));
        }
        std::thread::sleep(Duration::from_secs(3));
        let counts = self.lines.as_ref().map(Lines::counts);
        format!(
            ", cut off from {from}: paused {} ms, healed within {}; lines: {counts:?}",
            pause.as_millis(),
            took.as_millis()
        )
    }

    fn recovered(&self, since: Instant) {
        let all = || (0..self.load.partitions()).all(|p| self.load.has_taken(p, since));
        while !all() {
            assert!(since.elapsed() < TAKEOVER_LIMIT, "not all partitions were taken over");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Starts the broker if it has ended, and waits until it has shards again. Returns how long that took.
    fn come_back(&mut self, victim: usize) -> Duration {
        let begun = Instant::now();
        if matches!(self.plan.mode, Mode::Kill | Mode::Leader | Mode::Term) {
            self.cluster.launch(victim);
        }
        self.cluster.wait_until_ready(victim);
        self.balanced();
        begun.elapsed()
    }

    fn balanced(&self) {
        let begun = Instant::now();
        let brokers = self.cluster.ids().len();
        loop {
            let leaders = self.load.leaders();
            let counts = self.cluster.ids().map(|id| leaders.iter().filter(|leader| **leader == id).count());
            let counts: Vec<usize> = counts.collect();
            if counts.iter().all(|count| *count == leaders.len() / brokers) {
                return;
            }
            assert!(begun.elapsed() < BALANCE_LIMIT, "partitions by broker: {counts:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn look_back(&mut self) -> Duration {
        std::thread::sleep(Duration::from_secs(1));
        let longest = self.load.look().into_iter().max().unwrap_or_default();
        self.table.add("way back to balance: pause of any partition", longest);
        longest
    }
}
