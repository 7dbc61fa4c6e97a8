//! A cluster that grows from one broker to three and to five under load, and back to three.

use std::time::{Duration, Instant};

use super::chaos::SHARDS;
use super::group::Group;
use super::load::Load;
use super::processes::Cluster;
use super::table::Table;

pub const BROKERS: usize = 5;
const SPREAD_LIMIT: Duration = Duration::from_secs(90);
const REMOVAL_LIMIT: Duration = Duration::from_secs(60);

pub struct Growing<'a> {
    pub cluster: &'a mut Cluster,
    pub load: &'a Load,
    pub group: &'a Group,
    pub table: &'a mut Table,
}

/// Starts a broker that is alone, and then the same as the first of several.
pub fn begin(cluster: &mut Cluster) {
    cluster.launch_among(0, &[]);
    cluster.wait_until_ready(0);
    cluster.stop(0, REMOVAL_LIMIT).expect("it ends in time");
    cluster.launch_among(0, &[0, 1]);
    cluster.wait_until_ready(0);
}

impl Growing<'_> {
    /// Grows and shrinks. Returns the brokers that are left.
    pub fn run(&mut self) -> Vec<usize> {
        self.step("one broker", &[0], |_| {});
        self.step("one to three", &[0, 1, 2], |cluster| {
            cluster.launch_among(1, &[0, 1]);
            cluster.launch_among(2, &[1, 2]);
        });
        self.wait_for_voters(&[0, 1, 2]);
        self.step("three to five", &[0, 1, 2, 3, 4], |cluster| {
            cluster.launch_among(3, &[0, 3]);
            cluster.launch_among(4, &[2, 4]);
        });
        self.wait_for_voters(&[0, 1, 2]);
        self.step("five to three", &[2, 3, 4], |cluster| {
            for id in [0, 1] {
                let begun = Instant::now();
                cluster.remove(id, REMOVAL_LIMIT);
                println!("broker {id} was drained and removed after {:.1} s", begun.elapsed().as_secs_f64());
            }
        });
        self.wait_for_voters(&[2, 3, 4]);
        vec![2, 3, 4]
    }

    /// Changes something, and waits until `brokers`, and nobody else, lead as many partitions as each other.
    fn step(&mut self, name: &str, brokers: &[usize], change: impl FnOnce(&mut Cluster)) {
        self.load.look();
        let (begun, rebalances) = (Instant::now(), self.group.rebalances());
        change(self.cluster);
        brokers.iter().for_each(|id| self.cluster.wait_until_ready(*id));
        let shard = self.load.partitions() / SHARDS;
        loop {
            let leaders = self.load.leaders();
            let count = |id: &usize| leaders.iter().filter(|leader| *leader == id).count();
            let counts: Vec<usize> = brokers.iter().map(count).collect();
            let (least, most) = (counts.iter().min(), counts.iter().max());
            let is_all = counts.iter().sum::<usize>() == leaders.len();
            if is_all && most.zip(least).is_some_and(|(most, least)| most - least <= shard) {
                break;
            }
            assert!(begun.elapsed() < SPREAD_LIMIT, "{name}: partitions of {brokers:?}: {counts:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        let took = begun.elapsed();
        std::thread::sleep(Duration::from_secs(2));
        let longest = self.load.look().into_iter().max().unwrap_or_default();
        let rebalances = self.group.rebalances() - rebalances;
        println!(
            "{name}: spread after {:.1} s, pause of any partition {} ms, {rebalances} rebalances",
            took.as_secs_f64(),
            longest.as_millis()
        );
        self.table.add(&format!("{name}: until all lead as many partitions"), took);
        self.table.add(&format!("{name}: pause of any partition"), longest);
    }

    fn wait_for_voters(&self, expected: &[i32]) {
        let (begun, at) = (Instant::now(), expected[2] as usize);
        while self.cluster.voters(at).as_deref() != Some(expected) {
            assert!(begun.elapsed() < SPREAD_LIMIT, "voters: {:?}", self.cluster.voters(at));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
