//! Runs, each in a process of its own, at once as many as there are cores, and one more: the oldest is waited for, however long it is.

use std::collections::VecDeque;
use std::ops::Range;
use std::process::{Child, Command, Stdio};

use super::flawed;
use crate::chance;
use crate::truth::{Check, Violation};

const ACKED: &str = "acknowledged: ";
const BROKEN: &str = "broken promise: ";
const STUCK: &str = "stuck: ";
const EVENTS: &str = "events:";
const END: &str = "end of events";

/// The outcome of one run.
pub struct Run {
    pub seed: u64,
    pub check: Check,
    pub acked: usize,
    /// All that happened, a line each.
    pub events: String,
}

/// Tells the process that started this one how its run ended, on lines of its own.
pub fn report(check: &Check, acked: usize, events: &[String]) {
    let outcome = match check {
        Ok(()) => format!("{ACKED}{acked}"),
        Err(Violation::Promise(problem)) => format!("{BROKEN}{problem}"),
        Err(Violation::Stuck(problem)) => format!("{STUCK}{problem}"),
    };
    println!("\n{outcome}\n{EVENTS}\n{}\n{END}", events.join("\n"));
}

/// The runs of some seeds, in their order.
pub struct Runs<'a> {
    waiting: Range<u64>,
    running: VecDeque<(u64, Child)>,
    flaw: Option<&'a str>,
}

/// The runs of some seeds, with brokers that have a flaw or none.
pub fn each_run(seeds: Range<u64>, flaw: Option<&str>) -> Runs<'_> {
    Runs { waiting: seeds, running: VecDeque::new(), flaw }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        while self.running.len() < cores + 1
            && let Some(seed) = self.waiting.next()
        {
            self.running.push_back((seed, start(seed, self.flaw)));
        }
        let (seed, child) = self.running.pop_front()?;
        Some(finish(seed, child))
    }
}

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        for (_, mut child) in self.running.drain(..) {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(seed: u64, flaw: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "cluster::one_run", "--ignored", "--nocapture", "--test-threads=1"]);
    chance::of_seed(&mut command, seed);
    command.env(flawed::VARIABLE, flaw.unwrap_or_default());
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("a process")
}

fn finish(seed: u64, child: Child) -> Run {
    let output = child.wait_with_output().expect("an output");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let after = |prefix| said.lines().find_map(|line: &str| line.strip_prefix(prefix));
    let check = match (after(ACKED), after(BROKEN), after(STUCK)) {
        (Some(_), _, _) => Ok(()),
        (_, Some(problem), _) => Err(Violation::Promise(problem.to_owned())),
        (_, _, Some(problem)) => Err(Violation::Stuck(problem.to_owned())),
        // A panic of the simulation, or of what it simulates.
        (None, None, None) => Err(Violation::Stuck(format!("the process ended with {}", output.status))),
    };
    let acked = after(ACKED).and_then(|acked| acked.parse().ok()).unwrap_or(0);
    let events = said.lines().skip_while(|line| *line != EVENTS).take_while(|line| *line != END);
    let events = events.map(|line| format!("{line}\n")).collect();
    Run { seed, check, acked, events }
}
