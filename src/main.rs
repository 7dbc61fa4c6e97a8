//! The broker's process. Every setting is a flag or a variable: `kafkaesque --help` lists them.

use std::process::ExitCode;

fn main() -> ExitCode {
    kafkaesque::cli::main(kafkaesque::broker::run)
}
