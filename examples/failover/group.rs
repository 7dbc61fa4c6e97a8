//! Consumers of a group that commit as they go: none may miss a record, or go back before what it has committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::message::Message as _;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::TOPIC;
use super::java::Java;
use super::load::{self, Load};

const PATIENCE: Duration = Duration::from_secs(60);
const COMMIT_EVERY: Duration = Duration::from_millis(500);
pub const GROUP: &str = "failover-readers";

/// What members and their coordinator speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    Classic,
    /// KIP-848.
    Consumer,
}

impl Protocol {
    /// As clients call it.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Classic => "classic",
            Protocol::Consumer => "consumer",
        }
    }
}

pub struct Group {
    shared: Arc<Shared>,
    members: Mutex<Vec<JoinHandle<()>>>,
    java: Option<Arc<Java>>,
}

/// What members have read and committed, and what they heard of the group.
pub struct Shared {
    partitions: Vec<Mutex<Read>>,
    problems: Mutex<Vec<String>>,
    rebalances: AtomicUsize,
    failed_commits: AtomicUsize,
    stop: AtomicBool,
}

#[derive(Clone, Copy, Default)]
struct Read {
    /// After the last record that any member has read.
    next: i64,
    committed: i64,
}

/// What one member has read, and what it hears of the group.
struct Heard {
    shared: Arc<Shared>,
    /// By partition: after the last record that it has read since its last assignment; 0 if there is none.
    next: Mutex<Vec<i64>>,
}

impl ClientContext for Heard {}

impl ConsumerContext for Heard {
    fn pre_rebalance(&self, _: &BaseConsumer<Heard>, _: &Rebalance<'_>) {
        // Who keeps a partition starts at what was committed of it too.
        self.next.lock().fill(0);
    }

    fn post_rebalance(&self, _: &BaseConsumer<Heard>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) {
            self.shared.assigned();
        }
    }
}

impl Group {
    pub fn start(bootstrap: &str, partitions: usize, members: usize, protocol: Protocol) -> Group {
        let shared = Shared::new(partitions);
        let member = |_| {
            let mut config = load::client(bootstrap);
            config.set("group.id", GROUP).set("enable.auto.commit", "false");
            config.set("group.protocol", protocol.name());
            if protocol == Protocol::Classic {
                config.set("session.timeout.ms", "10000");
            }
            config.set("auto.offset.reset", "earliest").set("socket.timeout.ms", "10000");
            let heard = Heard { shared: Arc::clone(&shared), next: Mutex::new(vec![0; partitions]) };
            let consumer: BaseConsumer<Heard> = config.create_with_context(heard).expect("a consumer");
            consumer.subscribe(&[TOPIC]).expect("a subscription");
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.read(&consumer))
        };
        Group { members: Mutex::new((0..members).map(member).collect()), shared, java: None }
    }

    /// What the members of a Java client say.
    pub fn of_java(shared: Arc<Shared>, java: Arc<Java>) -> Group {
        Group { shared, members: Mutex::default(), java: Some(java) }
    }

    /// Waits until something of every partition was read and committed, and counts rebalances from then on.
    pub fn settle(&self) {
        let begun = Instant::now();
        while self.shared.partitions.iter().any(|read| read.lock().committed == 0) {
            assert!(begun.elapsed() < PATIENCE, "the group does not read");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.shared.rebalances.store(0, Ordering::Relaxed);
    }

    /// What was committed of each partition up to then, whenever it is asked for.
    pub fn committed(&self) -> impl Fn() -> Vec<i64> + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.partitions.iter().map(|read| read.lock().committed).collect()
    }

    pub fn rebalances(&self) -> usize {
        self.shared.rebalances.load(Ordering::Relaxed)
    }

    pub fn failed_commits(&self) -> usize {
        self.shared.failed_commits.load(Ordering::Relaxed)
    }

    /// Waits until all that was acknowledged was read; says what went wrong.
    pub fn finish(&self, load: &Load) -> Vec<String> {
        let ends = (0..load.partitions()).map(|partition| {
            let last = load.acks(partition).iter().map(|(offset, _)| *offset).max();
            last.map_or(0, |offset| offset + 1)
        });
        let ends: Vec<i64> = ends.collect();
        let begun = Instant::now();
        let is_behind = |(read, end): (&Mutex<Read>, &i64)| read.lock().next < *end;
        while self.shared.partitions.iter().zip(&ends).any(is_behind) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.shared.stop.store(true, Ordering::Relaxed);
        for member in std::mem::take(&mut *self.members.lock()) {
            member.join().expect("a member");
        }
        if let Some(java) = &self.java {
            java.end();
        }
        let mut problems = std::mem::take(&mut *self.shared.problems.lock());
        for (partition, (read, end)) in self.shared.partitions.iter().zip(&ends).enumerate() {
            let next = read.lock().next;
            if next < *end {
                problems.push(format!("the group read partition {partition} up to {next}, not {end}"));
            }
        }
        problems
    }
}

impl Shared {
    pub fn new(partitions: usize) -> Arc<Shared> {
        Arc::new(Shared {
            partitions: (0..partitions).map(|_| Mutex::default()).collect(),
            problems: Mutex::default(),
            rebalances: AtomicUsize::new(0),
            failed_commits: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        })
    }

    pub fn assigned(&self) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
    }

    pub fn committed(&self, partition: usize, next: i64) {
        let mut of_all = self.partitions[partition].lock();
        of_all.committed = of_all.committed.max(next);
    }

    pub fn commit_failed(&self) {
        self.failed_commits.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self, consumer: &BaseConsumer<Heard>) {
        let mut committed = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            // Errors of connections are librdkafka's to mend.
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                let partition = message.partition() as usize;
                self.take(partition, message.offset());
                consumer.context().next.lock()[partition] = message.offset() + 1;
            }
            if committed.elapsed() >= COMMIT_EVERY {
                committed = Instant::now();
                self.commit(consumer);
            }
        }
    }

    pub fn take(&self, partition: usize, offset: i64) {
        let mut read = self.partitions[partition].lock();
        let Read { next, committed } = *read;
        if offset > next {
            self.problems.lock().push(format!("partition {partition}: {offset} was read after {next}"));
        }
        if offset < committed {
            self.problems.lock().push(format!("partition {partition}: back to {offset} from {committed}"));
        }
        read.next = next.max(offset + 1);
    }

    fn commit(&self, consumer: &BaseConsumer<Heard>) {
        let mut offsets = TopicPartitionList::new();
        let next = consumer.context().next.lock().clone();
        for (partition, next) in next.iter().enumerate().filter(|(_, next)| **next > 0) {
            let offset = Offset::Offset(*next);
            offsets.add_partition_offset(TOPIC, partition as i32, offset).expect("a valid offset");
        }
        if offsets.count() == 0 {
            return;
        }
        match consumer.commit(&offsets, CommitMode::Sync) {
            Ok(()) => {
                for (partition, next) in next.iter().enumerate().filter(|(_, next)| **next > 0) {
                    self.committed(partition, *next);
                }
            }
            Err(_) => self.commit_failed(),
        }
    }
}
