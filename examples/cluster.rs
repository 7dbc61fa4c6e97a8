//! A broker for trying things out: `localhost:9092`, data in `/tmp/kafkaesque-data`.
//!
//! It takes the same flags and variables as the program itself (`-- --help` lists them); without any, it needs nothing.

use std::process::ExitCode;

use kafkaesque::config::Given;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    kafkaesque::cli::main_with(for_this_machine, kafkaesque::broker::run)
}

/// Unless somebody says under which address clients reach the broker, they are on this machine.
fn for_this_machine(given: Given) -> Given {
    if given.is_set("HOST") || given.is_set("ADVERTISED_HOST") {
        return given;
    }
    given.with("ADVERTISED_HOST", "localhost")
}
