//! Groups whose members come and go: each partition has one owner at a time, whose commits no former owner undoes, and nothing is
//! skipped or read before what was committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kafkaesque::runtime::Rng;
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::truth::Truth;
use crate::{TOPIC, load};

const MEMBERS: usize = 3;
const SESSION: Duration = Duration::from_secs(6);
/// The longest that a member whose session has ended may take to notice, after that.
const SLACK: Duration = Duration::from_secs(10);
const COMMIT_EVERY: Duration = Duration::from_millis(300);

/// The protocol of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Eager,
    Cooperative,
    /// KIP-848.
    Consumer,
}

pub struct Churn {
    shared: Arc<Shared>,
    members: Vec<JoinHandle<()>>,
}

struct Shared {
    protocol: Protocol,
    partitions: Vec<Mutex<Partition>>,
    /// Rises with every partition that is given to somebody.
    terms: AtomicU64,
    truth: Truth,
}

#[derive(Default)]
struct Partition {
    /// Who has it: terms, and since when.
    owners: Vec<(u64, Instant)>,
    /// The newest term in which something was committed.
    committed_in: u64,
    committed: i64,
    /// After the last record that any member has read.
    next: i64,
    overlap: Duration,
}

/// What one member has, by partition.
struct Member {
    shared: Arc<Shared>,
    owned: Mutex<Vec<Option<Owned>>>,
}

#[derive(Clone, Copy)]
struct Owned {
    term: u64,
    /// What was committed when it was given.
    committed: i64,
    /// After the last record that this member has read.
    next: Option<i64>,
}

impl ClientContext for Member {}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _: &BaseConsumer<Member>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(given) => partitions(given).for_each(|partition| self.take(partition)),
            Rebalance::Revoke(taken) => partitions(taken).for_each(|partition| self.give_up(partition)),
            Rebalance::Error(_) => self.give_all_up(),
        }
    }
}

fn partitions(list: &TopicPartitionList) -> impl Iterator<Item = usize> {
    let all: Vec<usize> = list.elements().iter().map(|one| one.partition() as usize).collect();
    all.into_iter()
}

impl Churn {
    pub fn start(bootstrap: &str, partitions: usize, protocol: Protocol, truth: &Truth, rng: &Rng) -> Churn {
        let shared = Arc::new(Shared {
            protocol,
            partitions: (0..partitions).map(|_| Mutex::default()).collect(),
            terms: AtomicU64::new(0),
            truth: truth.clone(),
        });
        let member = |_| {
            let (shared, bootstrap, rng) =
                (Arc::clone(&shared), bootstrap.to_owned(), Rng::seeded(rng.u64()));
            std::thread::spawn(move || {
                while !shared.truth.is_over() {
                    shared.live(&bootstrap, &rng);
                    std::thread::sleep(Duration::from_millis(rng.below(3_000)));
                }
            })
        };
        Churn { members: (0..MEMBERS).map(member).collect(), shared }
    }

    pub fn group(&self) -> String {
        self.shared.group()
    }

    /// What was committed of each partition up to then, whenever it is asked for.
    pub fn committed(&self) -> impl Fn() -> Vec<i64> + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.partitions.iter().map(|partition| partition.lock().committed).collect()
    }

    /// Ends; says how long two members thought that they had the same partition.
    pub fn finish(self) {
        for member in self.members {
            member.join().expect("a member");
        }
        let overlaps = self.shared.partitions.iter().map(|partition| partition.lock().overlap);
        let overlap = overlaps.max().unwrap_or_default();
        let terms = self.shared.terms.load(Ordering::Relaxed);
        let read: i64 = self.shared.partitions.iter().map(|partition| partition.lock().next).sum();
        println!(
            "{:?} group: partitions were given {terms} times, {read} records read, two owners for {} ms at most",
            self.shared.protocol,
            overlap.as_millis()
        );
    }
}

impl Shared {
    /// One member, from its joining to its leaving.
    fn live(self: &Arc<Self>, bootstrap: &str, rng: &Rng) {
        let owned = Mutex::new(vec![None; self.partitions.len()]);
        let member = Member { shared: Arc::clone(self), owned };
        let consumer: BaseConsumer<Member> =
            self.config(bootstrap).create_with_context(member).expect("a consumer");
        consumer.subscribe(&[TOPIC]).expect("a subscription");
        let ends = Instant::now() + Duration::from_millis(2_000 + rng.below(15_000));
        let mut committed = Instant::now();
        while Instant::now() < ends && !self.truth.is_over() {
            // Errors of connections are librdkafka's to mend.
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                consumer.context().read(message.partition() as usize, message.offset());
            }
            if committed.elapsed() >= COMMIT_EVERY {
                committed = Instant::now();
                commit(&consumer);
            }
        }
        self.truth.count("members that came and went");
        // What it has is revoked first.
        drop(consumer);
    }

    fn group(&self) -> String {
        format!("churn-{:?}", self.protocol)
    }

    fn config(&self, bootstrap: &str) -> rdkafka::ClientConfig {
        let mut config = load::client(bootstrap);
        config.set("group.id", self.group()).set("enable.auto.commit", "false");
        config.set("auto.offset.reset", "earliest").set("socket.timeout.ms", "3000");
        config.set("reconnect.backoff.max.ms", "1000");
        match self.protocol {
            Protocol::Consumer => {
                config.set("group.protocol", "consumer");
            }
            protocol => {
                let is_eager = protocol == Protocol::Eager;
                let strategy = if is_eager { "range" } else { "cooperative-sticky" };
                config.set("partition.assignment.strategy", strategy);
                config.set("session.timeout.ms", SESSION.as_millis().to_string());
                config.set("heartbeat.interval.ms", "500");
            }
        }
        config
    }
}

impl Member {
    fn take(&self, index: usize) {
        let mut partition = self.shared.partitions[index].lock();
        let term = self.shared.terms.fetch_add(1, Ordering::Relaxed) + 1;
        partition.owners.push((term, Instant::now()));
        self.owned.lock()[index] = Some(Owned { term, committed: partition.committed, next: None });
    }

    fn give_up(&self, index: usize) {
        let Some(owned) = self.owned.lock()[index].take() else { return };
        let mut partition = self.shared.partitions[index].lock();
        partition.owners.retain(|(term, _)| *term != owned.term);
        // Whoever came later has had it beside this one since.
        let later = partition.owners.iter().filter(|(term, _)| *term > owned.term);
        let overlap = later.map(|(_, since)| since.elapsed()).max().unwrap_or_default();
        partition.overlap = overlap.max(partition.overlap);
        self.shared.truth.check(overlap < SESSION + SLACK, || {
            format!("{:?} group: partition {index} had two owners for {overlap:?}", self.shared.protocol)
        });
    }

    fn give_all_up(&self) {
        (0..self.shared.partitions.len()).for_each(|index| self.give_up(index));
    }

    fn read(&self, index: usize, offset: i64) {
        // Something that was fetched before the partition was taken away.
        let Some(owned) = &mut self.owned.lock()[index] else { return };
        let mut partition = self.shared.partitions[index].lock();
        let (next, group) = (partition.next, self.shared.protocol);
        match owned.next {
            None => self.shared.truth.check(offset >= owned.committed, || {
                format!("{group:?} group: back to {offset} of partition {index}, from {}", owned.committed)
            }),
            // While a rebalance is announced librdkafka pauses what a member keeps, and goes on behind the last record
            // that it noted as handed out: it notes that after the record has left its queue, so the last may come twice.
            Some(next) if group != Protocol::Eager && offset + 1 == next => {
                self.shared.truth.count("records that came twice around a pause");
            }
            Some(next) => self.shared.truth.check(offset == next, || {
                format!("{group:?} group: {offset} of partition {index} was read after {next}")
            }),
        }
        self.shared.truth.check(offset <= next, || {
            format!("{group:?} group: {offset} of partition {index} was read, {next} never")
        });
        partition.next = next.max(offset + 1);
        owned.next = Some(offset + 1);
    }
}

/// Commits what the member has read, and looks whether somebody else's commits were before it.
fn commit(consumer: &BaseConsumer<Member>) {
    let (member, mut offsets) = (consumer.context(), TopicPartitionList::new());
    let owned = member.owned.lock().clone();
    let mut begun = Vec::new();
    for (index, owned) in owned.into_iter().enumerate() {
        let Some((Owned { term, .. }, next)) = owned.and_then(|owned| owned.next.map(|next| (owned, next)))
        else {
            continue;
        };
        offsets.add_partition_offset(TOPIC, index as i32, Offset::Offset(next)).expect("a valid offset");
        begun.push((index, term, next, member.shared.partitions[index].lock().committed_in));
    }
    if begun.is_empty() {
        return;
    }
    let truth = &member.shared.truth;
    match consumer.commit(&offsets, CommitMode::Sync) {
        Ok(()) => {
            truth.count("commits");
            for (index, term, next, newest) in begun {
                truth.check(newest <= term, || {
                    let group = member.shared.protocol;
                    format!("{group:?} group: partition {index} was committed by its owner of term {term} after that of {newest}")
                });
                let mut partition = member.shared.partitions[index].lock();
                partition.committed_in = term.max(partition.committed_in);
                partition.committed = next.max(partition.committed);
            }
        }
        Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::IllegalGeneration)) => truth.count("commits fenced"),
        Err(_) => truth.count("commits that failed"),
    }
}
