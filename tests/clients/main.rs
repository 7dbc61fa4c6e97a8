//! The broker's own binary under librdkafka: what comes back is what was sent, also after `kill -9` at random moments.
//!
//! `KAFKAESQUE_BIN` names another broker to start, which reads the same variables; `KAFKAESQUE_TEST_BOOTSTRAP` names one
//! that is up already, for the tests that do not kill it.

mod broker;
mod crash;
#[path = "../free_port.rs"]
mod free_port;
mod librdkafka;
mod owners;
#[path = "../processes.rs"]
mod processes;
mod round_trip;
mod start;
