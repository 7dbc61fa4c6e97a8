//! Questions that must be answered throughout: ends of partitions, and offsets that a group has committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kafkaesque::protocol::messages::list_offsets;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::TOPIC;
use super::load;
use super::processes::Cluster;

const LIMIT: Duration = Duration::from_secs(10);
/// The time for which a broker that goes on is asked.
const ASKING: Duration = Duration::from_secs(3);
const LATEST: i64 = -1;

/// Asks one question after the other until it is told to stop.
pub struct Probe {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<Duration>,
}

impl Probe {
    /// Of the end of a partition.
    pub fn of_end(bootstrap: &str, partition: usize) -> Probe {
        Probe::start(bootstrap, "failover-ends", move |client| {
            client.fetch_watermarks(TOPIC, partition as i32, LIMIT).is_ok()
        })
    }

    /// Of an offset that the group may have committed.
    pub fn of_committed(bootstrap: &str, group: &str) -> Probe {
        Probe::start(bootstrap, group, |client| {
            let mut asked = TopicPartitionList::new();
            asked.add_partition(TOPIC, 0);
            client.committed_offsets(asked, LIMIT).is_ok()
        })
    }

    fn start(bootstrap: &str, group: &str, ask: impl Fn(&BaseConsumer) -> bool + Send + 'static) -> Probe {
        let mut config = load::client(bootstrap);
        let client: BaseConsumer = config.set("group.id", group).create().expect("a client");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let asking = std::thread::spawn(move || {
            let mut longest = Duration::ZERO;
            let mut answered = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                if ask(&client) {
                    longest = longest.max(answered.elapsed());
                    answered = Instant::now();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            longest.max(answered.elapsed())
        });
        Probe { stop, asking }
    }

    /// The longest time between two answers.
    pub fn finish(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.asking.join().expect("the one who asks")
    }
}

/// The answers of a broker that goes on after others have taken over from it.
#[derive(Default)]
pub struct Answers {
    pub count: usize,
    /// Those that rest on what was true before.
    pub old: Vec<String>,
}

/// Asks a broker for the ends of partitions, which were beyond those of `ends` when it was suspended.
pub fn ends_of_resumed(cluster: &Cluster, broker: usize, ends: &[(usize, i64)]) -> Answers {
    let (begun, mut answers) = (Instant::now(), Answers::default());
    while begun.elapsed() < ASKING {
        for (partition, end) in ends {
            let Ok(found) = cluster.ask(broker, &latest(*partition as i32), 4) else { continue };
            answers.count += 1;
            let found = found.topics.first().and_then(|topic| topic.partitions.first());
            if let Some(found) = found.filter(|found| found.error_code == 0 && found.offset < *end) {
                let old = format!("broker {broker} says that partition {partition} ends at {}", found.offset);
                answers.old.push(format!("{old}, though others took it to {end}"));
            }
        }
    }
    answers
}

fn latest(partition_index: i32) -> list_offsets::Request {
    let partition =
        list_offsets::ListOffsetsPartition { partition_index, timestamp: LATEST, ..Default::default() };
    let topic = list_offsets::ListOffsetsTopic { name: TOPIC.to_owned(), partitions: vec![partition] };
    list_offsets::Request { replica_id: -1, topics: vec![topic], ..Default::default() }
}
