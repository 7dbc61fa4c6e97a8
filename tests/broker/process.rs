//! A broker in a process of its own, whose memory is its own.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::free_port;

/// The binary under test, or the one that stands in for it.
pub fn program() -> String {
    std::env::var("KAFKAESQUE_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_kafkaesque").to_owned())
}

/// It is killed when dropped, and data of its own goes with it.
pub struct Process {
    child: Child,
    pub clients: SocketAddr,
    pub health: SocketAddr,
    data: Option<tempfile::TempDir>,
}

impl Process {
    /// With these variables set. `KAFKAESQUE_BIN` names another binary than the one that is under test, a faster one or
    /// one of before.
    pub fn start(variables: &[(&str, &str)]) -> Process {
        Process::on(tempfile::tempdir().expect("a folder"), variables, None)
    }

    /// A broker that may have so many files open.
    pub fn with_files(files: u32) -> Process {
        Process::on(tempfile::tempdir().expect("a folder"), &[], Some(files))
    }

    /// Killed, and started again on the same data.
    pub fn again(mut self) -> Process {
        let data = self.data.take().expect("data of its own");
        drop(self);
        Process::on(data, &[], None)
    }

    /// On a store that these variables name and that outlives it; what it logs goes to a file. `None` if it ends by itself.
    pub fn on_store(variables: &[(&str, &str)], log: &Path) -> Option<Process> {
        let log = File::create(log).expect("a file");
        let mut process = Process::launch(None, variables, None, log.into());
        process.comes_up().then_some(process)
    }

    fn on(data: tempfile::TempDir, variables: &[(&str, &str)], files: Option<u32>) -> Process {
        let mut process = Process::launch(Some(data), variables, files, Stdio::inherit());
        assert!(process.comes_up(), "the broker ended by itself");
        process
    }

    fn launch(
        data: Option<tempfile::TempDir>,
        variables: &[(&str, &str)],
        files: Option<u32>,
        log: Stdio,
    ) -> Process {
        let free = || SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (clients, health) = (free(), free());
        let binary = program();
        let limit = files.map_or_else(|| "true".to_owned(), |files| format!("ulimit -n {files}"));
        let mut command = Command::new("sh");
        if !variables.iter().any(|(name, _)| *name == "LISTENERS") {
            command.env("HOST", "127.0.0.1").env("PORT", clients.port().to_string());
        }
        let child = command
            .args(["-c", &format!("{limit} && exec \"$0\""), &binary])
            .env("HEALTH_PORT", health.port().to_string())
            .env("RAFT_LISTEN_ADDR", "127.0.0.1:0")
            .env("LOCAL_FSYNC", "false")
            .envs(data.as_ref().map(|data| ("DATA_PATH", data.path())))
            .env("GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
            .env("RUST_LOG", "error")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the broker's binary starts");
        Process { child, clients, health, data }
    }

    /// Waits until it has started, whatever it can serve; false if it ended instead.
    fn comes_up(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.is_starting().unwrap_or(true) {
            if self.child.try_wait().expect("a child").is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "the broker neither starts nor ends");
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    fn is_starting(&self) -> std::io::Result<bool> {
        Ok(self.look("/ready")?.contains("\"starting\""))
    }

    /// An answer of the operations port, with its head.
    fn look(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.health)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// A metric, summed over those of its labels that have `label`.
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        let metrics = self.look("/metrics").expect("an answer");
        let of_name = metrics.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
        let chosen = of_name
            .filter(|(labels, _)| (labels.is_empty() || labels.starts_with('{')) && labels.contains(label));
        chosen.map(|(_, value)| value.parse::<f64>().expect("a number")).sum()
    }

    /// Asks it to end, as an operator does, and waits until it has.
    pub fn stop(mut self) {
        let id = Pid::from_child(&self.child);
        rustix::process::kill_process(id, Signal::TERM).expect("a process of our own");
        let status = self.child.wait().expect("a child");
        assert!(status.success(), "it ended with {status}");
    }

    /// The most memory that it has had, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The memory that it has now, in KiB. The peak begins anew.
    pub fn resident_kib(&self) -> u64 {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").expect("a process of our own");
        self.status("VmRSS:")
    }

    /// Memory that `work` makes the process take beyond what it has, at its peak, in KiB.
    pub fn growth(&self, work: impl FnOnce()) -> u64 {
        let before = self.resident_kib();
        work();
        self.peak_kib().saturating_sub(before)
    }

    /// Processor time that it has used, of its own and the system's.
    pub fn cpu_seconds(&self) -> f64 {
        self.metric("process_cpu_seconds_total", "")
    }

    fn status(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a line of it");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of KiB")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
