//! Failover, measured: brokers of one cluster are killed, stopped or suspended under an even load of idempotent producing, while a
//! group consumes. Prints for how long partitions took nothing; fails if a record was lost, doubled or moved, or if consumers did
//! not go on from their commits.

mod chaos;
mod check;
#[path = "../../tests/free_port.rs"]
mod free_port;
mod group;
mod growing;
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
use growing::Growing;
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
    /// Of chaos; drawn if none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// The time of chaos.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
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
    /// From one broker to three, to five, and back to three.
    Grow,
    /// Everything at once, by a seed.
    Chaos,
}

fn main() -> ExitCode {
    let plan = Plan::parse();
    let ended = if plan.mode == Mode::Chaos { chaos::run(&plan) } else { run(&plan) };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("failover: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Result<(), Vec<String>> {
    let mut cluster = start(plan);
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
    let left = trouble(plan, &mut cluster, &load, &group, &mut table);
    let (sent, mut problems) = load.finish();
    print!("{table}");
    println!("{} rebalances, {} failed commits in the group", group.rebalances(), group.failed_commits());
    problems.extend(check::all_there(&cluster.bootstrap(), &load, sent));
    problems.extend(group.finish(&load));
    left.into_iter().for_each(|id| cluster.assert_runs(id));
    println!("{sent} records acknowledged; {} problems", problems.len());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The cluster that the trouble is for.
fn start(plan: &Plan) -> Cluster {
    let (faults, shards) = (format!("latency={}ms", plan.latency), chaos::SHARDS.to_string());
    let mut variables = vec![("LOCAL_FSYNC", "false"), ("LOCAL_RESERVE_BYTES", "0")];
    if plan.latency > 0 {
        variables.push(("STORE_FAULTS", &faults));
    }
    if plan.mode == Mode::Grow {
        variables.push(("SHARDS", &shards));
    }
    if plan.mode != Mode::Grow {
        return Cluster::start(&plan.program, 3, &variables);
    }
    let mut cluster = Cluster::prepare(&plan.program, growing::BROKERS, &variables);
    growing::begin(&mut cluster);
    cluster
}

/// Makes trouble. Returns the brokers that are there in the end.
fn trouble(plan: &Plan, cluster: &mut Cluster, load: &Load, group: &Group, table: &mut Table) -> Vec<usize> {
    match plan.mode {
        Mode::Grow => Growing { cluster, load, group, table }.run(),
        Mode::Chaos => unreachable!("it is a run of its own"),
        Mode::Kill | Mode::Leader | Mode::Term | Mode::Stop => {
            let mut rounds = Rounds { plan, cluster, load, group, table };
            rounds.calm();
            for round in 0..plan.rounds {
                rounds.run(round);
            }
            rounds.cluster.ids().collect()
        }
    }
}
