//! The broker's process. Every setting is a flag or a variable: `kafkaesque --help` lists them.

use std::process::ExitCode;

/// Buffers of many sizes come and go for weeks: with the C library's allocator, its free space grew all the while.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    kafkaesque::cli::main(kafkaesque::broker::run)
}
