//! The brokers of a run, and what lies between them and between each and the store.

use std::time::{Duration, Instant};

use super::clocks::Clocks;
use super::lines::Lines;
use super::storm::{self, Ways};
use super::{BROKERS, FOUNDERS, SHARDS};
use crate::Plan;
use crate::free_port::free_port;
use crate::processes::Cluster;

const STARTUP: Duration = Duration::from_secs(60);

pub struct Field {
    pub cluster: Cluster,
    pub lines: Lines,
    /// None if the store is a folder, which nothing can stand before.
    pub store: Option<Ways>,
    /// None if the wall clocks of brokers cannot be set.
    pub clocks: Option<Clocks>,
    /// Brokers that are members.
    pub members: Vec<usize>,
    /// The number of shards.
    pub shards: usize,
}

impl Field {
    /// Starts the first brokers, on the S3 server that the environment names, or else on a folder.
    pub fn form(plan: &Plan) -> Field {
        let endpoint = std::env::var("AWS_ENDPOINT").ok();
        let shards = SHARDS.to_string();
        // Producers that have written to a topic make it anew when they ask where it is.
        let mut variables = vec![("SHARDS", shards.as_str()), ("AUTO_CREATE_TOPICS", "false")];
        match endpoint {
            Some(_) => variables.push(("DATA_PATH", "chaos")),
            None => variables.extend([("LOCAL_FSYNC", "false"), ("LOCAL_RESERVE_BYTES", "0")]),
        }
        let faults = format!("latency={}ms", plan.latency);
        if plan.latency > 0 {
            variables.push(("STORE_FAULTS", &faults));
        }
        let mut cluster = Cluster::prepare(&plan.program, BROKERS, &variables);
        let lines = Lines::open(&cluster.stand_behind());
        let store = endpoint.map(|endpoint| {
            let address = storm::address(&endpoint);
            let address = address.unwrap_or_else(|| panic!("{endpoint} is not http://ADDRESS:PORT"));
            let ports: Vec<u16> = cluster.ids().map(|_| free_port()).collect();
            for (id, port) in ports.iter().enumerate() {
                cluster.set(id, "AWS_ENDPOINT", &format!("http://127.0.0.1:{port}"));
            }
            Ways::open(address, &ports)
        });
        let clocks = Clocks::of(&mut cluster);
        let founders: Vec<usize> = (0..FOUNDERS).collect();
        let mut field = Field { cluster, lines, store, clocks, members: founders.clone(), shards: SHARDS };
        founders.iter().for_each(|id| field.launch_among(*id, &founders));
        founders.iter().for_each(|id| field.cluster.wait_until_ready(*id));
        field
    }

    pub fn launch(&mut self, id: usize) {
        let all: Vec<usize> = self.cluster.ids().collect();
        self.launch_among(id, &all);
    }

    pub fn launch_among(&mut self, id: usize, peers: &[usize]) {
        self.cluster.launch_among(id, peers);
        if let Some(pid) = self.cluster.pid(id) {
            self.lines.is_process(id, pid);
        }
    }

    /// One more shard, which topics made from now on go to first.
    pub fn add_shard(&mut self) {
        self.shards += 1;
        self.cluster.must_operate(&["shards", &self.shards.to_string()]);
    }

    /// Nothing is wrong any more between brokers, with their store, and with their clocks.
    pub fn mend(&self) {
        self.lines.mend();
        if let Some(store) = &self.store {
            store.calm();
        }
        if let Some(clocks) = &self.clocks {
            clocks.mend();
        }
    }

    /// Tells what met connections and requests on their way.
    pub fn tell(&self) {
        println!("lines: {:?}", self.lines.counts());
        if let Some(store) = &self.store {
            println!("store: {:?}", store.counts);
        }
    }

    /// Waits until all members are ready. Those that gave up while something was wrong start again, as whoever runs them would see
    /// to; returns which.
    pub fn wait_until_ready(&mut self, may_have_ended: bool) -> Vec<usize> {
        let mut again = Vec::new();
        for id in self.members.clone() {
            let deadline = Instant::now() + STARTUP;
            while !self.cluster.is_ready(id) {
                if may_have_ended && self.cluster.bury(id).is_some() {
                    again.push(id);
                    self.launch(id);
                }
                self.cluster.assert_runs(id);
                assert!(Instant::now() < deadline, "broker {id} is not ready after {STARTUP:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        again
    }
}
