//! The two brokers, each started for this run alone on free ports, and stopped with it.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::free_port::free_port;

const STARTUP: Duration = Duration::from_secs(60);

/// What our broker is told by variables.
const THEIR_SETTINGS: &str = "auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.consumer.assignment.interval.ms=0
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
";

/// Both, and the folders they write to.
pub struct Brokers {
    pub our_port: u16,
    pub their_port: u16,
    ours: Child,
    dir: TempDir,
}

impl Brokers {
    /// `None` without Java or Kafka's jars, and says so.
    pub fn start() -> Option<Brokers> {
        Brokers::with(free_port(), "", &[])
    }

    /// The same, with further settings of Kafka's, its further listeners in the first line, and variables of ours, which
    /// listens on `our_port`.
    pub fn with(our_port: u16, their_settings: &str, our_settings: &[(&str, &str)]) -> Option<Brokers> {
        Brokers::telling(our_port, their_settings, our_settings, "")
    }

    /// The same, with options of Kafka's Java.
    pub fn telling(
        our_port: u16,
        their_settings: &str,
        our_settings: &[(&str, &str)],
        java: &str,
    ) -> Option<Brokers> {
        let script = root().join("scripts/kafka.sh");
        let has_java = Command::new("java").arg("-version").output().is_ok_and(|run| run.status.success());
        if !has_java || !root().join(".tools/kafka/libs").exists() {
            crate::tell("SKIPPED: the comparison with Kafka (no Java, or run scripts/tools/kafka.sh)");
            return None;
        }
        let dir = tempfile::tempdir().expect("a folder for the brokers");
        let their_port = free_port();
        let (their_listeners, their_settings) = their_settings.split_once('\n').unwrap_or_default();
        let started = Command::new(script)
            .arg("start")
            .args([dir.path().join("kafka"), PathBuf::from(their_port.to_string())])
            .env("KAFKA_SETTINGS", format!("{THEIR_SETTINGS}{their_settings}"))
            .env("KAFKA_LISTENERS", their_listeners)
            .env("KAFKA_OPTS", java)
            .status();
        assert!(started.is_ok_and(|status| status.success()), "Kafka does not start");
        let log = File::create(dir.path().join("log")).expect("the broker's log");
        let mut ours = Command::new(env!("CARGO_BIN_EXE_kafkaesque"));
        if !our_settings.iter().any(|(name, _)| *name == "LISTENERS") {
            ours.env("PORT", our_port.to_string());
        }
        let ours = ours
            .env("BROKER_ID", "1")
            .env("HOST", "127.0.0.1")
            .env("RAFT_LISTEN_ADDR", format!("127.0.0.1:{}", free_port()))
            .env("HEALTH_PORT", "0")
            .env("DATA_PATH", dir.path().join("data"))
            .env("DEFAULT_NUM_PARTITIONS", "3")
            .env("AUTO_CREATE_TOPICS", "false")
            .env("GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
            .env("GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS", "0")
            .envs(our_settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the broker's log"))
            .stderr(log)
            .spawn()
            .expect("the broker starts");
        let brokers = Brokers { our_port, their_port, ours, dir };
        brokers.wait_until_up();
        Some(brokers)
    }

    /// The logs so far, ours and Kafka's.
    pub fn logs(&self) -> [String; 2] {
        let read = |path: &str| std::fs::read(self.dir.path().join(path)).expect("a log");
        ["log", "kafka/log"].map(|path| String::from_utf8_lossy(&read(path)).into_owned())
    }

    fn wait_until_up(&self) {
        let deadline = Instant::now() + STARTUP;
        while TcpStream::connect(("127.0.0.1", self.our_port)).is_err() {
            assert!(Instant::now() < deadline, "the broker does not listen after {STARTUP:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        let _ = self.ours.kill();
        let _ = self.ours.wait();
        let _ = Command::new(root().join("scripts/kafka.sh"))
            .arg("stop")
            .arg(self.dir.path().join("kafka"))
            .status();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("our broker's last words:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"));
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
