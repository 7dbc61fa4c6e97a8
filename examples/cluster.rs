//! A broker for trying things out: `localhost:9092`, data in `/tmp/kafkaesque-data`.
//!
//! It takes the same flags and variables as the program itself (`-- --help` lists them); without any, it needs nothing.

use std::process::ExitCode;

fn main() -> ExitCode {
    kafkaesque::cli::main(kafkaesque::broker::run)
}
