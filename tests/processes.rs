//! Brokers of one cluster, each a process of its own, on one local store.
#![allow(dead_code, reason = "each of the programs that include this needs a part of it")]

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use kafkaesque::protocol::codec::{Message as _, Request};
use kafkaesque::protocol::header;
use kafkaesque::protocol::messages::{describe_quorum, find_coordinator};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::free_port::free_port;

const STARTUP: Duration = Duration::from_secs(60);
/// The longest wait for an answer of one broker, which may be suspended.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Brokers, which are killed when this is dropped, and their folder, which goes then.
pub struct Cluster {
    dir: TempDir,
    program: String,
    variables: Vec<(String, String)>,
    brokers: Vec<Broker>,
}

struct Broker {
    clients: u16,
    health: u16,
    raft: u16,
    /// The port by which the others reach it.
    open: u16,
    /// Variables of this one alone.
    variables: Vec<(String, String)>,
    process: Option<Child>,
}

/// A broker whose id another process has got.
pub struct Former {
    process: Child,
    log: PathBuf,
}

/// The metadata's leader, and its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    pub broker: usize,
    pub term: i32,
}

impl Broker {
    fn new() -> Broker {
        let raft = free_port();
        Broker {
            clients: free_port(),
            health: free_port(),
            raft,
            open: raft,
            variables: Vec::new(),
            process: None,
        }
    }
}

impl Cluster {
    /// Starts `count` of them on an empty store, and returns when all are ready.
    pub fn start(program: &str, count: usize, variables: &[(&str, &str)]) -> Cluster {
        let mut cluster = Cluster::prepare(program, count, variables);
        (0..count).for_each(|id| cluster.launch(id));
        (0..count).for_each(|id| cluster.wait_until_ready(id));
        cluster
    }

    /// Ports and an empty store for `count` of them; none is started.
    pub fn prepare(program: &str, count: usize, variables: &[(&str, &str)]) -> Cluster {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Cluster {
            dir: tempfile::tempdir().expect("a folder for the brokers"),
            program: program.to_owned(),
            variables: variables.iter().map(owned).collect(),
            brokers: (0..count).map(|_| Broker::new()).collect(),
        }
    }

    pub fn bootstrap(&self) -> String {
        let addresses = self.brokers.iter().map(|broker| format!("127.0.0.1:{}", broker.clients));
        addresses.collect::<Vec<_>>().join(",")
    }

    /// Has the others reach each broker by a port of its own, from its next start. Returns those ports, each with the one that its
    /// broker listens on.
    pub fn stand_behind(&mut self) -> Vec<(u16, u16)> {
        self.brokers.iter_mut().for_each(|broker| broker.open = free_port());
        self.brokers.iter().map(|broker| (broker.open, broker.raft)).collect()
    }

    /// Sets a variable of one broker, from its next start.
    pub fn set(&mut self, id: usize, name: &str, value: &str) {
        self.brokers[id].variables.push((name.to_owned(), value.to_owned()));
    }

    /// The port of a broker's clients.
    pub fn port(&self, id: usize) -> u16 {
        self.brokers[id].clients
    }

    /// The port of a broker's metrics.
    pub fn health_port(&self, id: usize) -> u16 {
        self.brokers[id].health
    }

    /// The id of a broker's process, if it runs.
    pub fn pid(&self, id: usize) -> Option<u32> {
        self.brokers[id].process.as_ref().map(Child::id)
    }

    /// The port that a broker listens on for others.
    pub fn raft_port(&self, id: usize) -> u16 {
        self.brokers[id].raft
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn ids(&self) -> std::ops::Range<usize> {
        0..self.brokers.len()
    }

    /// Has brokers that are launched from now on run this program.
    pub fn use_program(&mut self, program: &str) {
        program.clone_into(&mut self.program);
    }

    /// Starts a broker on what the store has. Does not wait until it serves.
    pub fn launch(&mut self, id: usize) {
        self.launch_among(id, &self.ids().collect::<Vec<_>>());
    }

    /// The same, told of `peers` alone; of no other broker if there are none.
    pub fn launch_among(&mut self, id: usize, peers: &[usize]) {
        let peers = self.places(peers);
        let log = OpenOptions::new().create(true).append(true).open(self.log(id)).expect("the broker's log");
        let broker = &mut self.brokers[id];
        assert!(broker.process.is_none(), "broker {id} runs already");
        let process = Command::new(&self.program)
            .env("BROKER_ID", id.to_string())
            .env("HOST", "127.0.0.1")
            .env("PORT", broker.clients.to_string())
            .env("HEALTH_PORT", broker.health.to_string())
            .env("RAFT_LISTEN_ADDR", format!("127.0.0.1:{}", broker.raft))
            .envs((!peers.is_empty()).then_some(("RAFT_PEERS", peers)))
            .env("DATA_PATH", self.dir.path().join("data"))
            .env("GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
            .envs(self.variables.iter().chain(&broker.variables).map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the broker's log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", self.program));
        broker.process = Some(process);
    }

    /// These brokers as RAFT_PEERS names them.
    fn places(&self, ids: &[usize]) -> String {
        let places = ids.iter().map(|id| format!("{id}=127.0.0.1:{}", self.brokers[*id].open));
        places.collect::<Vec<_>>().join(",")
    }

    pub fn wait_until_ready(&mut self, id: usize) {
        let deadline = Instant::now() + STARTUP;
        while !self.is_ready(id) {
            self.assert_runs(id);
            assert!(Instant::now() < deadline, "broker {id} is not ready after {STARTUP:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The shards that a broker has open, as it says.
    pub fn open_shards(&self, id: usize) -> std::io::Result<u64> {
        let answer = self.look(id, "/health")?;
        let number = answer.split("\"open_shards\":").nth(1).unwrap_or_default().trim_start();
        let number = number.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        number.parse().map_err(std::io::Error::other)
    }

    /// A metric of a broker, summed over all of its labels.
    pub fn metric(&self, id: usize, name: &str) -> std::io::Result<f64> {
        let metrics = self.look(id, "/metrics")?;
        let of_name = metrics.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
        let values = of_name.filter(|(labels, _)| labels.is_empty() || labels.starts_with('{'));
        Ok(values.filter_map(|(_, value)| value.parse::<f64>().ok()).sum())
    }

    /// An answer of a broker's operations port, with its head.
    fn look(&self, id: usize, path: &str) -> std::io::Result<String> {
        let mut stream = connect(self.brokers[id].health)?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    pub fn is_ready(&self, id: usize) -> bool {
        let ask = || {
            let mut stream = connect(self.brokers[id].health)?;
            stream.write_all(b"GET /ready HTTP/1.0\r\n\r\n")?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer)?;
            Ok::<_, std::io::Error>(answer.ends_with(b"200"))
        };
        ask().unwrap_or(false)
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill(&mut self, id: usize) {
        if let Some(mut process) = self.brokers[id].process.take() {
            process.kill().expect("a process of our own");
            process.wait().expect("its end");
        }
    }

    pub fn signal(&self, id: usize, signal: Signal) {
        let process = self.brokers[id].process.as_ref().expect("a broker that runs");
        kill_process(Pid::from_child(process), signal).expect("a process of our own");
    }

    /// Asks a broker to end, and waits until it has.
    pub fn stop(&mut self, id: usize, limit: Duration) -> Option<ExitStatus> {
        self.signal(id, Signal::TERM);
        let mut process = self.brokers[id].process.take().expect("a broker that runs");
        let status = end(&mut process, limit);
        self.brokers[id].process = status.is_none().then_some(process);
        status
    }

    /// Has a broker that lives drained and removed for good, by the command line, and waits for its end.
    pub fn remove(&mut self, id: usize, limit: Duration) {
        self.must_operate(&["remove", &id.to_string(), "--drain"]);
        let mut process = self.brokers[id].process.take().expect("a broker that runs");
        let status = end(&mut process, limit);
        assert!(status.is_some_and(|status| status.success()), "broker {id} ended with {status:?}");
    }

    /// Runs `kafkaesque cluster` with these arguments, told of all brokers.
    pub fn operate(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command
            .arg("cluster")
            .args(arguments)
            .env("RAFT_PEERS", self.places(&self.ids().collect::<Vec<_>>()))
            .env("DATA_PATH", self.dir.path().join("data"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.output().unwrap_or_else(|e| panic!("{} does not start: {e}", self.program))
    }

    /// The same, for what has to succeed.
    pub fn must_operate(&self, arguments: &[&str]) {
        let ended = self.operate(arguments);
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    /// Starts another process of a broker, elsewhere, and gives the first one back.
    pub fn replace(&mut self, id: usize) -> Former {
        let former = std::mem::replace(&mut self.brokers[id], Broker::new());
        self.launch(id);
        Former { process: former.process.expect("a broker that runs"), log: self.log(id) }
    }

    /// The status of a broker that ended by itself, which may be started again.
    pub fn bury(&mut self, id: usize) -> Option<ExitStatus> {
        let process = self.brokers[id].process.as_mut()?;
        let ended = process.try_wait().expect("the broker's state")?;
        self.brokers[id].process = None;
        Some(ended)
    }

    /// The status of a broker that was launched and has ended by itself.
    pub fn has_ended(&mut self, id: usize) -> Option<ExitStatus> {
        let process = self.brokers[id].process.as_mut()?;
        process.try_wait().expect("the broker's state")
    }

    /// Fails when it ended by itself.
    pub fn assert_runs(&mut self, id: usize) {
        let process = self.brokers[id].process.as_mut();
        let ended = process.and_then(|process| process.try_wait().expect("the broker's state"));
        assert!(ended.is_none(), "broker {id} ended by itself: {ended:?}");
    }

    /// The leader, by its own word.
    pub fn leader(&self) -> Option<Leader> {
        self.ids().find_map(|id| {
            let answer = self.ask(id, &describe_quorum(), 0).ok()?;
            let partition = answer.topics.first()?.partitions.first()?;
            let leads = answer.error_code == 0 && partition.leader_id == id as i32;
            leads.then_some(Leader { broker: id, term: partition.leader_epoch })
        })
    }

    /// The brokers that vote on the metadata, as broker `id` says.
    pub fn voters(&self, id: usize) -> Option<Vec<i32>> {
        let answer = self.ask(id, &describe_quorum(), 0).ok()?;
        let partition = answer.topics.first()?.partitions.first()?;
        let mut voters: Vec<i32> = partition.current_voters.iter().map(|voter| voter.replica_id).collect();
        voters.sort_unstable();
        Some(voters)
    }

    /// The coordinator of a group, as broker `id` says.
    pub fn coordinator(&self, id: usize, group: &str) -> Option<usize> {
        let coordinator_keys = vec![group.to_owned()];
        let request = find_coordinator::Request { coordinator_keys, ..Default::default() };
        let found = self.ask(id, &request, 4).ok()?.coordinators.pop()?;
        usize::try_from(found.node_id).ok()
    }

    /// One request to a broker, on a connection of its own.
    pub fn ask<R: Request>(&self, id: usize, request: &R, version: i16) -> std::io::Result<R::Response> {
        ask(self.brokers[id].clients, request, version)
    }

    /// True if the broker has logged this.
    pub fn has_said(&self, id: usize, words: &str) -> bool {
        let log = File::open(self.log(id)).and_then(std::io::read_to_string);
        log.is_ok_and(|log| log.contains(words))
    }

    pub fn log(&self, id: usize) -> PathBuf {
        self.dir.path().join(format!("log-{id}"))
    }

    /// Leaves the folder where it is.
    pub fn keep(&mut self) -> PathBuf {
        self.dir.disable_cleanup(true);
        self.dir.path().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for id in self.ids() {
            self.kill(id);
        }
        if std::thread::panicking() {
            for id in self.ids() {
                let log = File::open(self.log(id)).and_then(std::io::read_to_string).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(40)..].join("\n");
                eprintln!("the last words of broker {id}:\n{last}");
            }
        }
    }
}

impl Former {
    /// Waits until it ends by itself. Gives its status, and what it said.
    pub fn end(mut self, limit: Duration) -> Option<(ExitStatus, String)> {
        let status = end(&mut self.process, limit)?;
        let log = File::open(&self.log).and_then(std::io::read_to_string);
        Some((status, log.unwrap_or_default()))
    }
}

impl Drop for Former {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn end(process: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = process.try_wait().expect("the broker's state") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// One request to whoever listens on a port, on a connection of its own.
pub fn ask<R: Request>(port: u16, request: &R, version: i16) -> std::io::Result<R::Response> {
    let odd = |error: String| std::io::Error::other(error);
    let mut stream = connect(port)?;
    for part in header::request_frame(request, version, 1, None).map_err(|e| odd(e.to_string()))? {
        stream.write_all(&part)?;
    }
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    let answer = header::decode_response_header(&frame.into(), R::KEY, version);
    let (_, body) = answer.map_err(|e| odd(e.to_string()))?;
    R::Response::decode(&body, version).map_err(|e| odd(e.to_string()))
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    Ok(stream)
}

fn describe_quorum() -> describe_quorum::Request {
    use describe_quorum::request::{PartitionData, TopicData};
    let partitions = vec![PartitionData::default()];
    let topic = TopicData { topic_name: "__cluster_metadata".to_owned(), partitions };
    describe_quorum::Request { topics: vec![topic] }
}
