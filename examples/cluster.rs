//! A broker for trying things out: `localhost:9092`, data in `/tmp/kafkaesque-data`.
//!
//! It takes the same flags and variables as the program itself (`-- --help` lists them); without any, it needs nothing. With
//! `RAFT_PEERS` it is one broker of several. `-- --brokers 3` starts three in one process: clients connect to ports 9092, 9192
//! and 9292, the ports for other brokers and for health are as far apart, and the data in `/tmp/kafkaesque-data-3`.

use std::ffi::OsString;
use std::process::ExitCode;

use kafkaesque::config::{Config, Given};
use kafkaesque::{broker, cli};

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Between the ports of two brokers.
const APART: u16 = 100;
const PORT: u16 = 9092;
const RAFT_PORT: u16 = 9093;
const HEALTH_PORT: u16 = 8080;
const MOST: u16 = 9;
const DATA_PATH: &str = "/tmp/kafkaesque-data";

fn main() -> ExitCode {
    let (arguments, brokers) = match split(std::env::args_os().collect()) {
        Ok(split) => split,
        Err(reason) => {
            eprintln!("{reason}");
            return ExitCode::from(2);
        }
    };
    match brokers {
        None => cli::main_with(for_this_machine, broker::run),
        Some(brokers) => match cli::parse(arguments, Given::from_environment()) {
            Ok(given) => run(given, brokers),
            Err(error) => error.exit(),
        },
    }
}

/// The arguments without `--brokers`, and its number.
fn split(mut arguments: Vec<OsString>) -> Result<(Vec<OsString>, Option<u16>), String> {
    let Some(at) = arguments.iter().position(|argument| argument == "--brokers") else {
        return Ok((arguments, None));
    };
    let number = arguments.get(at + 1).and_then(|number| number.to_str()?.parse().ok());
    let number = number.filter(|number| (1..=MOST).contains(number));
    let number = number.ok_or_else(|| format!("--brokers: a number from 1 to {MOST}"))?;
    arguments.drain(at..=at + 1);
    Ok((arguments, Some(number)))
}

/// Unless somebody says under which address clients reach the broker, or names others, they are on this machine.
fn for_this_machine(given: Given) -> Given {
    if ["HOST", "ADVERTISED_HOST", "LISTENERS", "RAFT_PEERS"].iter().any(|name| given.is_set(name)) {
        return given;
    }
    given.with("ADVERTISED_HOST", "localhost")
}

/// Brokers 0 and up, in one process.
fn run(given: Given, brokers: u16) -> ExitCode {
    let port = |first: u16, id: u16| first + id * APART;
    let peers: Vec<String> =
        (0..brokers).map(|id| format!("{id}=127.0.0.1:{}", port(RAFT_PORT, id))).collect();
    let settings = |given: &Given, id: u16| {
        for_this_machine(given.clone())
            .with("BROKER_ID", id.to_string())
            .with("PORT", port(PORT, id).to_string())
            .with("HEALTH_PORT", port(HEALTH_PORT, id).to_string())
            .with("RAFT_LISTEN_ADDR", format!("127.0.0.1:{}", port(RAFT_PORT, id)))
            .with("RAFT_PEERS", peers.join(","))
    };
    let given = match given.is_set("DATA_PATH") || given.is_set("OBJECT_STORE_TYPE") {
        true => given,
        // Data of a broker that was alone stay its own.
        false => given.with("DATA_PATH", format!("{DATA_PATH}-{brokers}")),
    };
    let configs: Result<Vec<Config>, _> =
        (0..brokers).map(|id| Config::load(&settings(&given, id))).collect();
    match configs {
        Ok(configs) => broker::run_all(configs),
        Err(error) => {
            eprintln!("kafkaesque cannot start with these settings:\n{error}");
            ExitCode::from(2)
        }
    }
}
