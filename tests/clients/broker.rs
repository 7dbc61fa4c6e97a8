//! One broker process on a local store, with a port that stays its own over restarts.

use std::fs::{File, OpenOptions};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::free_port::free_port;

pub const PARTITIONS: i32 = 3;

const STARTUP: Duration = Duration::from_secs(30);

/// A broker and its folder; both go when this is dropped.
pub struct Broker {
    dir: TempDir,
    port: u16,
    raft_port: u16,
    process: Option<Child>,
}

impl Broker {
    /// Starts one on an empty store.
    pub fn start() -> Broker {
        let dir = tempfile::tempdir().expect("a folder for the broker");
        let mut broker = Broker { dir, port: free_port(), raft_port: free_port(), process: None };
        broker.restart();
        broker.wait_until_up();
        broker
    }

    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it again on what it stored. Does not wait until it serves.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "killed before it is started again");
        let log = OpenOptions::new().create(true).append(true).open(self.log()).expect("the broker's log");
        let program = program();
        let process = Command::new(&program)
            .env("HOST", "127.0.0.1")
            .env("PORT", self.port.to_string())
            .env("RAFT_LISTEN_ADDR", format!("127.0.0.1:{}", self.raft_port))
            .env("HEALTH_PORT", "0")
            .env("DATA_PATH", self.dir.path().join("data"))
            .env("DEFAULT_NUM_PARTITIONS", PARTITIONS.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the broker's log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{program} does not start: {e}"));
        self.process = Some(process);
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the broker still ran");
            process.wait().expect("the broker's end");
        }
    }

    /// Waits until it takes connections; fails when it ended by itself.
    pub fn wait_until_up(&mut self) {
        let deadline = Instant::now() + STARTUP;
        while TcpStream::connect(self.bootstrap()).is_err() {
            self.assert_runs();
            assert!(Instant::now() < deadline, "the broker does not listen after {STARTUP:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Fails when it ended by itself.
    pub fn assert_runs(&mut self) {
        let ended = self.process.as_mut().and_then(|process| process.try_wait().expect("the broker's state"));
        assert!(ended.is_none(), "the broker ended by itself: {ended:?}");
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = File::open(self.log()).and_then(std::io::read_to_string).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the broker's last words:\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        }
    }
}

/// The broker's binary, or the one that stands in for it.
pub fn program() -> String {
    std::env::var("KAFKAESQUE_BIN").unwrap_or_else(|_| {
        // Cargo builds it for the broker's own tests, two folders above these.
        let tests = std::env::current_exe().expect("a path of its own");
        let folder = tests.parent().and_then(Path::parent).expect("a target folder");
        folder.join("kafkaesque").to_string_lossy().into_owned()
    })
}
