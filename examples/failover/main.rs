//! Failover, measured: brokers of one cluster are killed, stopped or suspended under an even load of idempotent producing, while a
//! group consumes. Prints for how long partitions took nothing; fails if a record was lost, doubled or moved, or if consumers did
//! not go on from their commits.

mod behind;
mod chaos;
mod check;
mod epochs;
#[path = "../../tests/free_port.rs"]
mod free_port;
mod group;
mod growing;
mod java;
mod load;
mod many;
mod probe;
#[path = "../../tests/processes.rs"]
mod processes;
mod rounds;
mod starting;
mod table;
mod upgrade;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use chaos::lines::Lines;
use group::{Group, Protocol};
use growing::Growing;
use load::Load;
use processes::Cluster;
use rounds::Rounds;
use table::Table;
use upgrade::Upgrade;

const TOPIC: &str = "failover";

/// One kind of trouble, several times.
#[derive(Clone, Debug, Parser)]
struct Plan {
    #[arg(value_enum)]
    mode: Mode,
    /// The broker's program.
    #[arg(long)]
    program: String,
    /// The older program of an upgrade.
    #[arg(long)]
    from: Option<String>,
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
    /// Whose producer and consumers make the load; of chaos, a part of it.
    #[arg(long, value_enum, default_value = "librdkafka")]
    client: Client,
    /// What the group speaks; in chaos, that of librdkafka: Java's speaks KIP-848 there.
    #[arg(long, value_enum, default_value = "classic")]
    group: Protocol,
    /// For how long a broker is suspended, or cut off.
    #[arg(long, default_value_t = 30)]
    suspend_seconds: u64,
    /// Leaves the brokers' logs behind.
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Client {
    Librdkafka,
    Java,
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
    /// The same of one that does not lead the metadata: nobody else may come to lead it.
    StopFollower,
    /// Each in turn cut off from the others, from the store, and from the others in one direction.
    Cut,
    /// All three started together on an empty store, and killed and started on what they left; in the end one late.
    Start,
    /// From one broker to three, to five, and back to three.
    Grow,
    /// From brokers of an older program to newer ones, one at a time.
    Upgrade,
    /// Ten thousand partitions: made, told of, changed, and a third of them taken over.
    Many,
    /// A voter that comes back after ten thousand changes of the metadata.
    Behind,
    /// Everything at once, by a seed.
    Chaos,
}

fn main() -> ExitCode {
    let plan = Plan::parse();
    let ended = match plan.mode {
        Mode::Chaos => chaos::run(&plan),
        Mode::Many => many::run(&plan),
        Mode::Behind => behind::run(&plan),
        Mode::Start => starting::run(&plan),
        _ => run(&plan),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("failover: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Result<(), Vec<String>> {
    let (mut cluster, lines) = start(plan);
    if plan.keep {
        println!("logs: {}", cluster.keep().display());
    }
    let (load, group) = plan.traffic(&cluster.bootstrap());
    let mut table = Table::default();
    let (left, mut problems) = match plan.mode {
        Mode::Grow => (
            Growing { cluster: &mut cluster, load: &load, group: &group, table: &mut table }.run(),
            Vec::new(),
        ),
        Mode::Upgrade => {
            let (old, new) = (plan.old(), plan.program.as_str());
            let (cluster, load, group, table) = (&mut cluster, &load, &group, &mut table);
            (Upgrade { cluster, load, group, table, old, new }.run(), Vec::new())
        }
        _ => {
            let mut rounds = Rounds {
                plan,
                cluster: &mut cluster,
                lines,
                load: &load,
                group: &group,
                table: &mut table,
                problems: Vec::new(),
            };
            rounds.run_all();
            (rounds.cluster.ids().collect(), rounds.problems)
        }
    };
    let (sent, failures) = load.finish();
    problems.extend(failures);
    print!("{table}");
    println!("{} rebalances, {} failed commits in the group", group.rebalances(), group.failed_commits());
    problems.extend(check::all_there(&cluster.bootstrap(), &load, sent));
    problems.extend(group.finish(&load));
    left.into_iter().for_each(|id| cluster.assert_runs(id));
    println!("{sent} records acknowledged; {} problems", problems.len());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The cluster that the trouble is for, and the lines between its brokers if they are to be cut.
fn start(plan: &Plan) -> (Cluster, Option<Lines>) {
    let shards = chaos::SHARDS.to_string();
    let mut variables = vec![("LOCAL_FSYNC", "false"), ("LOCAL_RESERVE_BYTES", "0")];
    if matches!(plan.mode, Mode::Grow | Mode::Upgrade) {
        variables.push(("SHARDS", &shards));
    }
    let brokers = if plan.mode == Mode::Grow { growing::BROKERS } else { chaos::FOUNDERS };
    let program = if plan.mode == Mode::Upgrade { plan.old() } else { &plan.program };
    let mut cluster = Cluster::prepare(program, brokers, &variables);
    plan.slow_down(&mut cluster);
    if plan.mode == Mode::Grow {
        growing::begin(&mut cluster);
        return (cluster, None);
    }
    let lines = (plan.mode == Mode::Cut).then(|| Lines::open(&cluster.stand_behind()));
    for id in cluster.ids() {
        cluster.launch(id);
        if let (Some(lines), Some(pid)) = (&lines, cluster.pid(id)) {
            lines.is_process(id, pid);
        }
    }
    cluster.ids().for_each(|id| cluster.wait_until_ready(id));
    (cluster, lines)
}

impl Plan {
    /// A load and a group that have begun.
    fn traffic(&self, bootstrap: &str) -> (Load, Group) {
        load::make_topic(bootstrap, TOPIC, self.partitions);
        let is_silent = matches!(self.mode, Mode::Stop | Mode::StopFollower | Mode::Cut);
        let patience = is_silent.then_some(Duration::from_secs(1));
        let (load, group) = match self.client {
            Client::Librdkafka => (
                Load::start(bootstrap, self.partitions, self.rate, patience),
                Group::start(bootstrap, self.partitions, 2, self.group),
            ),
            Client::Java => java::start(bootstrap, TOPIC, self.partitions, self.rate, patience, self.group),
        };
        load.settle();
        group.settle();
        (load, group)
    }

    fn old(&self) -> &str {
        self.from.as_deref().expect("--from")
    }

    /// Makes the store slow, if that is asked for, and have outages while there is a file `store-` and the broker's id.
    fn slow_down(&self, cluster: &mut Cluster) {
        if self.latency > 0 || self.mode == Mode::Cut {
            for id in cluster.ids() {
                let control = cluster.dir().join(format!("store-{id}"));
                let faults = format!("latency={}ms,control={}", self.latency, control.display());
                cluster.set(id, "STORE_FAULTS", &faults);
            }
        }
    }
}
