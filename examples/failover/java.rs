//! Traffic of the Java client, in a process of its own (`Traffic.java`): what it says of records and of its group is taken down as
//! librdkafka's word is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::group::{Group, Protocol, Shared};
use super::load::{Answers, Load};

/// Where Java finds the program and Kafka's client.
const CLASS_PATH: &str = "TRAFFIC_CLASS_PATH";
const MEMBERS: usize = 2;
const GROUP: &str = "failover-java-readers";
/// The longest wait for the answers to what was sent.
const PATIENCE: Duration = Duration::from_secs(60);

/// One process of it.
pub struct Java {
    process: Mutex<Child>,
    /// Dropped when it is to end.
    input: Mutex<Option<ChildStdin>>,
    heard: Arc<Heard>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

struct Heard {
    answers: Arc<Answers>,
    group: Arc<Shared>,
    /// The number of records that were sent in all.
    sent: Mutex<Option<u64>>,
    told: Condvar,
}

/// Starts a producer and a group on a topic. `patience` is the time after which a request counts as lost.
pub fn start(
    bootstrap: &str,
    topic: &str,
    partitions: usize,
    rate: u64,
    patience: Option<Duration>,
    protocol: Protocol,
) -> (Load, Group) {
    let class_path = std::env::var(CLASS_PATH);
    let class_path =
        class_path.unwrap_or_else(|_| panic!("{CLASS_PATH} has to name Traffic.class and Kafka's client"));
    let patience = patience.unwrap_or_default().as_millis();
    let mut process = Command::new("java")
        .args(["-Xmx512m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"])
        .args(["-cp", &class_path, "Traffic", bootstrap, topic, GROUP, &partitions.to_string()])
        .args([rate.to_string(), MEMBERS.to_string(), patience.to_string()])
        .arg(protocol.name())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("java does not start: {e}"));
    let (input, output) = (process.stdin.take(), process.stdout.take().expect("its output"));
    let (answers, group) = (Answers::new(partitions), Shared::new(partitions));
    let heard = Arc::new(Heard {
        answers: Arc::clone(&answers),
        group: Arc::clone(&group),
        sent: Mutex::default(),
        told: Condvar::new(),
    });
    let hearing = Arc::clone(&heard);
    let listener = Mutex::new(Some(std::thread::spawn(move || hearing.listen(output))));
    let java = Arc::new(Java { process: Mutex::new(process), input: Mutex::new(input), heard, listener });
    (Load::of_java(bootstrap, topic, answers, Arc::clone(&java)), Group::of_java(group, java))
}

impl Java {
    /// Has it send no more, and waits for the answers. Tells how many records were sent, and what went wrong.
    pub fn stop_producing(&self) -> (u64, Option<String>) {
        let told = self.input.lock().as_mut().map(|input| input.write_all(b"stop\n"));
        let deadline = Instant::now() + PATIENCE;
        let mut sent = self.heard.sent.lock();
        while sent.is_none() && !self.heard.told.wait_until(&mut sent, deadline).timed_out() {}
        match (told, *sent) {
            (_, Some(sent)) => (sent, None),
            (told, None) => (0, Some(format!("not all records of Java were answered: {told:?}"))),
        }
    }

    /// Has it end, and waits until all it said was taken down.
    pub fn end(&self) {
        self.input.lock().take();
        if let Some(listener) = self.listener.lock().take() {
            listener.join().expect("the listener");
        }
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        let mut process = self.process.lock();
        let _ = process.kill();
        let _ = process.wait();
    }
}

impl Heard {
    fn listen(&self, output: ChildStdout) {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if self.take_down(&line).is_none() {
                self.answers.failed(format!("Java says: {line}"));
            }
        }
        if self.sent.lock().is_none() {
            self.answers.failed("Java ended by itself".to_owned());
        }
    }

    /// None if the line tells of something that should not happen.
    fn take_down(&self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let mut numbers = words.map_while(|word| word.parse::<u64>().ok());
        let mut next = || numbers.next();
        match kind {
            "a" => self.answers.acked(next()?, next()? as usize, next()? as i64),
            "r" => self.group.take(next()? as usize, next()? as i64),
            "c" => self.group.committed(next()? as usize, next()? as i64),
            "g" => self.group.assigned(),
            "x" => self.group.commit_failed(),
            "s" => {
                *self.sent.lock() = Some(next()?);
                self.told.notify_all();
            }
            _ => return None,
        }
        Some(())
    }
}
