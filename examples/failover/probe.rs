//! Questions that must be answered throughout: ends of partitions, and offsets that a group has committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::TOPIC;
use super::load;

const LIMIT: Duration = Duration::from_secs(10);

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
