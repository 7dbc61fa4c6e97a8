//! Wall clocks of brokers, which are set while they run: a library before libc's adds what a file says (`clock.c`).

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;

use crate::processes::Cluster;

/// The library; without one no clock is ever set.
const LIBRARY: &str = "CHAOS_CLOCK_LIBRARY";

pub struct Clocks(Vec<File>);

impl Clocks {
    /// Has brokers look at clocks of their own, from their next start.
    pub fn of(cluster: &mut Cluster) -> Option<Clocks> {
        let library = std::env::var(LIBRARY).ok()?;
        let mut files = Vec::new();
        for id in cluster.ids() {
            let path = cluster.dir().join(format!("clock-{id}"));
            fs::write(&path, 0_i64.to_ne_bytes()).expect("a file for a clock");
            cluster.set(id, "LD_PRELOAD", &library);
            cluster.set(id, "CHAOS_CLOCK", &path.display().to_string());
            // Brokers have it in their memory: it is written in place.
            files.push(OpenOptions::new().write(true).open(path).expect("the file of a clock"));
        }
        Some(Clocks(files))
    }

    /// Sets the clock of a broker so far from the machine's.
    pub fn set(&self, broker: usize, seconds: i64) {
        let nanos = seconds * 1_000_000_000;
        self.0[broker].write_all_at(&nanos.to_ne_bytes(), 0).expect("the file of a clock");
    }

    pub fn mend(&self) {
        (0..self.0.len()).for_each(|broker| self.set(broker, 0));
    }
}
