//! The seeds of a simulation.
//!
//! `KAFKAESQUE_SIM_SEEDS` sets those of the long runs: a number of them, or a range as `1000..2000`.

use std::ops::Range;

/// Those of a test, or others if the environment says so.
#[allow(clippy::disallowed_methods, reason = "a test stands outside, with an environment of its own")]
pub fn seeds(default: Range<u64>) -> Range<u64> {
    let Ok(text) = std::env::var("KAFKAESQUE_SIM_SEEDS") else { return default };
    let number = |text: &str| text.parse().unwrap_or_else(|e| panic!("KAFKAESQUE_SIM_SEEDS={text}: {e}"));
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&text),
    }
}
