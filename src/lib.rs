#![doc = include_str!("README.md")]
#![warn(clippy::unwrap_used)]

// Code that tests share with simulations and benchmarks calls the crate by its name.
#[cfg(test)]
extern crate self as kafkaesque;

pub mod crc32c;
pub mod types;

pub mod runtime;
pub mod settings;

pub mod protocol;
pub mod store;

pub mod auth;
pub mod tls;

pub mod net;

pub mod log;
pub mod metadata;
pub mod peer;

pub mod coordinator;

pub mod cluster;

pub mod api;
pub mod operator;
pub mod ops;

pub mod broker;
pub mod config;
pub mod storage;

pub mod cli;
