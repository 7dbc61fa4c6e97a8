//! Brokers of an older program that are replaced by newer ones under load, one at a time, and back, until the cluster's level
//! rises: from then on the older program is refused.

use std::path::Path;
use std::time::{Duration, Instant};

use super::group::Group;
use super::load::Load;
use super::processes::Cluster;
use super::table::Table;

const EXIT_LIMIT: Duration = Duration::from_secs(30);
const SERVED_LIMIT: Duration = Duration::from_secs(30);
const LEVEL_LIMIT: Duration = Duration::from_secs(30);
/// An old program that reads what is newer has ended by then, or never serves.
const REFUSED_LIMIT: Duration = Duration::from_secs(20);

pub struct Upgrade<'a> {
    pub cluster: &'a mut Cluster,
    pub load: &'a Load,
    pub group: &'a Group,
    pub table: &'a mut Table,
    pub old: &'a str,
    pub new: &'a str,
}

impl Upgrade<'_> {
    /// Returns the brokers that are there in the end.
    pub fn run(mut self) -> Vec<usize> {
        let first = self.level();
        for (program, broker, way) in [
            (self.new, 0, "up"),
            (self.new, 1, "up"),
            (self.old, 1, "down"),
            (self.old, 0, "down"),
            (self.new, 2, "up"),
            (self.new, 0, "up"),
        ] {
            self.replace(broker, program, way);
        }
        assert_eq!(self.level(), first, "the level rose while broker 1 was an old one");
        self.replace(1, self.new, "up");
        let begun = Instant::now();
        let is_raised = || (0..3).any(|id| self.cluster.has_said(id, "the cluster's level was raised"));
        while self.level() == first || !is_raised() {
            assert!(begun.elapsed() < LEVEL_LIMIT, "the level does not rise");
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("the level rose from {first:?} to {:?} once the last broker was new", self.level());
        self.refuses_the_old_program();
        self.refuses_a_later_level();
        (0..3).collect()
    }

    fn replace(&mut self, broker: usize, program: &str, way: &str) {
        self.load.look();
        let rebalances = self.group.rebalances();
        let status = self.cluster.stop(broker, EXIT_LIMIT);
        assert!(status.is_some_and(|status| status.success()), "broker {broker} ended with {status:?}");
        self.cluster.use_program(program);
        self.cluster.launch(broker);
        self.cluster.wait_until_ready(broker);
        self.served();
        // Shards return one each second.
        std::thread::sleep(Duration::from_secs(15));
        self.served();
        let longest = self.load.look().into_iter().max().unwrap_or_default();
        let rebalances = self.group.rebalances() - rebalances;
        println!(
            "broker {broker} {way}: pause of any partition {} ms, {rebalances} rebalances",
            longest.as_millis()
        );
        self.table.add(&format!("{way}: pause of any partition"), longest);
    }

    /// Waits until every partition takes records.
    fn served(&self) {
        let begun = Instant::now();
        while !(0..self.load.partitions()).all(|partition| self.load.has_taken(partition, begun)) {
            assert!(begun.elapsed() < SERVED_LIMIT, "not all partitions take records");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The level that brokers must know, as the store says; clusters of programs without levels have none.
    fn level(&self) -> Option<u16> {
        let levels = std::fs::read_dir(self.levels()).into_iter().flatten();
        levels.filter_map(|level| level.ok()?.file_name().to_str()?.parse().ok()).max()
    }

    fn levels(&self) -> std::path::PathBuf {
        self.cluster.dir().join("data/levels")
    }

    /// It neither serves nor harms anything, and the new one goes on in its place.
    fn refuses_the_old_program(&mut self) {
        let broker = 2;
        assert!(self.cluster.stop(broker, EXIT_LIMIT).is_some_and(|status| status.success()));
        self.cluster.use_program(self.old);
        self.cluster.launch(broker);
        let begun = Instant::now();
        let ended = loop {
            assert!(!self.cluster.is_ready(broker), "an old program serves at the new level");
            match self.cluster.has_ended(broker) {
                Some(status) => break Some(status),
                None if begun.elapsed() > REFUSED_LIMIT => break None,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        println!("the old program at the new level: {ended:?}: {}", self.last_words(broker));
        self.come_back(broker);
    }

    /// A program stops by both numbers when the store has a level that it does not know, and changes nothing.
    fn refuses_a_later_level(&mut self) {
        let (broker, later) = (0, self.levels().join("999"));
        assert!(self.cluster.stop(broker, EXIT_LIMIT).is_some_and(|status| status.success()));
        std::fs::write(&later, "{}").expect("a file in the store");
        self.cluster.use_program(self.new);
        self.cluster.launch(broker);
        let begun = Instant::now();
        while self.cluster.has_ended(broker).is_none() {
            assert!(begun.elapsed() < REFUSED_LIMIT, "it goes on at a level that it does not know");
            std::thread::sleep(Duration::from_millis(20));
        }
        let said = self.last_words(broker);
        assert!(said.contains("is at level 999, and this program knows levels up to"), "{said}");
        println!("a program at a later level: {said}");
        std::fs::remove_file(Path::new(&later)).expect("the file is there");
        self.come_back(broker);
    }

    fn come_back(&mut self, broker: usize) {
        self.cluster.kill(broker);
        self.cluster.use_program(self.new);
        self.cluster.launch(broker);
        self.cluster.wait_until_ready(broker);
        self.served();
    }

    fn last_words(&self, broker: usize) -> String {
        let log = std::fs::read_to_string(self.cluster.log(broker)).unwrap_or_default();
        log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
    }
}
