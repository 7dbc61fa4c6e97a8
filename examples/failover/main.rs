//! Failover, measured: brokers of one cluster are killed, stopped or suspended under an even load of idempotent producing, while a
//! group consumes. Prints for how long partitions took nothing; fails if a record was lost, doubled or moved, or if consumers did
//! not go on from their commits.

mod check;
#[path = "../../tests/free_port.rs"]
mod free_port;
mod group;
mod load;
mod probe;
#[path = "../../tests/processes.rs"]
mod processes;
mod rounds;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use group::Group;
use load::Load;
use processes::Cluster;
use rounds::Rounds;
use table::Table;

const TOPIC: &str = "failover";

/// One kind of trouble, several times.
#[derive(Clone, Debug, Parser)]
struct Plan {
    #[arg(value_enum)]
    mode: Mode,
    /// The broker's program.
    #[arg(long)]
    program: String,
    /// How many times.
    #[arg(long, default_value_t = 6)]
    rounds: usize,
    #[arg(long, default_value_t = 12)]
    partitions: usize,
    /// Records per second, over all partitions.
    #[arg(long, default_value_t = 5_000)]
    rate: u64,
    /// Of each request to the store, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// For how long a broker is suspended.
    #[arg(long, default_value_t = 30)]
    suspend_seconds: u64,
    /// Leaves the brokers' logs behind.
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// `kill -9` of each in turn, and a start a little later.
    Kill,
    /// `kill -9` of the leader of the metadata each time, with ListOffsets and committed offsets asked for throughout.
    Leader,
    /// SIGTERM of each in turn, and a start.
    Term,
    /// SIGSTOP of each in turn, and SIGCONT.
    Stop,
}

fn main() -> ExitCode {
    let plan = Plan::parse();
    match run(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("failover: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Result<(), Vec<String>> {
    let faults = format!("latency={}ms", plan.latency);
    let mut variables = vec![("LOCAL_FSYNC", "false"), ("LOCAL_RESERVE_BYTES", "0")];
    if plan.latency > 0 {
        variables.push(("STORE_FAULTS", &faults));
    }
    let mut cluster = Cluster::start(&plan.program, 3, &variables);
    if plan.keep {
        println!("logs: {}", cluster.keep().display());
    }
    load::make_topic(&cluster.bootstrap(), plan.partitions);
    let patience = (plan.mode == Mode::Stop).then_some(Duration::from_secs(1));
    let load = Load::start(&cluster.bootstrap(), plan.partitions, plan.rate, patience);
    let group = Group::start(&cluster.bootstrap(), plan.partitions, 2);
    load.settle();
    group.settle();
    let mut table = Table::default();
    let mut rounds = Rounds { plan, cluster: &mut cluster, load: &load, group: &group, table: &mut table };
    rounds.calm();
    for round in 0..plan.rounds {
        rounds.run(round);
    }
    let (sent, mut problems) = load.finish();
    print!("{table}");
    println!("{} rebalances, {} failed commits in the group", group.rebalances(), group.failed_commits());
    problems.extend(check::all_there(&cluster.bootstrap(), &load, sent));
    problems.extend(group.finish(&load));
    cluster.ids().for_each(|id| cluster.assert_runs(id));
    println!("{sent} records acknowledged; {} problems", problems.len());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
