//! Questions asked throughout a run: leader epochs, ends and beginnings of partitions never go back, one epoch has one leader, and no
//! broker that is counted on loses a shard that it has not released.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::truth::Truth;
use super::wire::{Asker, Led};
use crate::TOPIC;
use crate::load::{self, Load};

const PAUSE: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_secs(5);
/// Between two looks at a broker's metrics.
const METRICS_PAUSE: Duration = Duration::from_secs(1);
const TAKEN: &str = "kafkaesque_shards_taken_total ";

/// Leaders by partition and epoch, as any broker told.
type Leaders = Arc<Mutex<BTreeMap<(i32, i32), i32>>>;

/// Starts two threads for each broker, by the ports of its clients and of its metrics, and one that asks for ends.
pub fn start(
    clients: &[u16],
    health: &[u16],
    bootstrap: &str,
    load: &Arc<Load>,
    truth: &Truth,
) -> Vec<JoinHandle<()>> {
    let leaders = Leaders::default();
    let mut threads = Vec::new();
    for (broker, (port, health)) in clients.iter().copied().zip(health.iter().copied()).enumerate() {
        let (watching, leaders) = (truth.clone(), Arc::clone(&leaders));
        threads.push(std::thread::spawn(move || watch_broker(broker, port, &leaders, &watching)));
        let truth = truth.clone();
        threads.push(std::thread::spawn(move || watch_metrics(broker, health, &truth)));
    }
    let client: BaseConsumer = load::client(bootstrap).create().expect("a client");
    let (load, truth) = (Arc::clone(load), truth.clone());
    threads.push(std::thread::spawn(move || watch_ends(&client, &load, &truth)));
    threads
}

fn watch_broker(broker: usize, port: u16, leaders: &Leaders, truth: &Truth) {
    let mut newest: BTreeMap<i32, i32> = BTreeMap::new();
    let mut asker = None;
    while !truth.is_over() {
        std::thread::sleep(PAUSE);
        let Some(asking) = asker.as_mut() else {
            asker = Asker::connect(port).ok();
            continue;
        };
        let Ok(told) = Asker::leaders(asking, TOPIC) else {
            asker = None;
            continue;
        };
        truth.count("answers to Metadata");
        for Led { partition, leader, epoch } in told.into_iter().filter(|led| led.leader >= 0) {
            let newest = newest.entry(partition).or_insert(epoch);
            truth.check(epoch >= *newest, || {
                format!(
                    "broker {broker} told of epoch {newest} of partition {partition}, and of {epoch} later"
                )
            });
            *newest = epoch.max(*newest);
            let known = *leaders.lock().entry((partition, epoch)).or_insert(leader);
            truth.check(known == leader, || {
                format!(
                    "epoch {epoch} of partition {partition} is led by {known} and, says {broker}, by {leader}"
                )
            });
        }
    }
}

fn watch_metrics(broker: usize, port: u16, truth: &Truth) {
    while !truth.is_over() {
        std::thread::sleep(METRICS_PAUSE);
        let Ok(metrics) = metrics(port) else { continue };
        let Some(taken) = metrics.lines().find_map(|line| line.strip_prefix(TAKEN)) else { continue };
        truth.count("looks at metrics");
        truth.check(taken == "0", || format!("{taken} shards were taken from broker {broker}, which lived"));
    }
}

fn metrics(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn watch_ends(client: &BaseConsumer, load: &Load, truth: &Truth) {
    let mut starts = vec![0; load.partitions()];
    let mut ends = vec![0; load.partitions()];
    while !truth.is_over() {
        for partition in 0..load.partitions() {
            let least = load.end(partition).max(ends[partition]);
            let Ok((low, high)) = client.fetch_watermarks(TOPIC, partition as i32, LIMIT) else { continue };
            truth.count("answers to ListOffsets");
            truth.check(high >= least, || format!("partition {partition} ends at {high}, after {least}"));
            let start = starts[partition];
            truth.check(low >= start, || format!("partition {partition} starts at {low}, after {start}"));
            (starts[partition], ends[partition]) = (low, high.max(least));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
