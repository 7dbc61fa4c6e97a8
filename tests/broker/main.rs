//! A whole broker in this process, asked over a socket, request by request.
#![allow(clippy::disallowed_methods, reason = "a test has the real clock and tasks of its own")]
#![cfg_attr(not(all(feature = "sasl", feature = "tls")), allow(dead_code, reason = "tests of logins use it"))]

mod admin;
mod attacks;
#[cfg(all(feature = "sasl", feature = "tls"))]
mod besieged;
#[cfg(feature = "tls")]
mod certificates;
mod client;
mod cluster;
mod cluster_strangers;
mod compacted;
mod configs;
mod consumer_groups;
mod damaged;
#[path = "../free_port.rs"]
mod free_port;
mod groups;
mod harmed;
mod hostile;
mod internal_topics;
mod metadata_damaged;
mod migration;
mod offsets;
mod operators;
mod outage;
mod probes;
mod process;
#[path = "../processes.rs"]
mod processes;
mod produce_fetch;
mod repaired;
mod restart;
mod retention;
mod security;
mod smallest;
mod versions;
mod watched;

use std::path::Path;
use std::time::Duration;

use kafkaesque::broker::Broker;
use kafkaesque::config::{Config, Given};
use kafkaesque::runtime::Runtime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use client::Client;
use free_port::free_port;

/// A broker on a free port, with its data in a directory that goes with it.
pub struct Running {
    pub broker: Broker,
    pub runtime: Runtime,
    data: Option<tempfile::TempDir>,
}

impl Running {
    /// With Kafka's defaults, and one partition per topic.
    pub async fn start() -> Running {
        Running::with(&[]).await
    }

    /// With these variables set.
    pub async fn with(variables: &[(&str, &str)]) -> Running {
        let data = tempfile::tempdir().expect("a temporary directory");
        let mut running = Running::on(data.path(), variables).await;
        running.data = Some(data);
        running
    }

    /// On data that outlives it.
    pub async fn on(data: &Path, variables: &[(&str, &str)]) -> Running {
        Running::in_world(Runtime::system(), data, variables).await
    }

    /// With another clock, for one.
    pub async fn in_world(runtime: Runtime, data: &Path, variables: &[(&str, &str)]) -> Running {
        let given = Given::nothing()
            .with("HOST", "127.0.0.1")
            .with("HEALTH_PORT", "0")
            .with("LOCAL_FSYNC", "false")
            .with("LOCAL_RESERVE_BYTES", "0")
            .with("DATA_PATH", data.display().to_string());
        let has_listeners = variables.iter().any(|(name, _)| *name == "LISTENERS");
        let given = if has_listeners { given } else { given.with("PORT", "0") };
        let given = variables.iter().fold(given, |given, (name, value)| given.with(name, *value));
        let config = Config::load(&given).expect("the settings of the test");
        let broker = Broker::start(&config, &runtime).await.expect("the broker starts");
        Running { broker, runtime, data: None }
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.broker.address()).await
    }

    /// Status and body of a look at the operations port.
    pub async fn look(&self, path: &str) -> (u16, String) {
        let address = self.broker.health_address().expect("there is one");
        let mut stream = TcpStream::connect(address).await.expect("connects");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("is sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("is read");
        let status = response.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, response.split_once("\r\n\r\n").expect("a body").1.to_owned())
    }

    /// Lets time pass at once, for the broker and all that runs beside it in the test's own thread.
    pub async fn pass(&self, time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    pub async fn stop(self) {
        self.broker.stop().await;
        assert_eq!(self.runtime.tasks.failure(), None);
    }
}
