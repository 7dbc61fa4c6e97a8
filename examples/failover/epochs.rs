//! Epochs of producers in a log, which tell what one sent again when it had begun a new one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafkaesque::protocol::batch::{Header, LENGTH_OVERHEAD};
use kafkaesque::protocol::codec::Records;
use kafkaesque::protocol::messages::fetch;

use super::processes;

const FETCH: i16 = 11;
const BYTES_AT_A_TIME: i32 = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// Batches of one partition: the last offset of each, and the epoch of its producer.
#[derive(Default)]
pub struct Epochs(BTreeMap<i64, i16>);

impl Epochs {
    /// Reads all batches before `end`, of whichever of the brokers leads the partition.
    pub fn read(bootstrap: &str, topic: &str, partition: i32, end: i64) -> Epochs {
        let ports = bootstrap.split(',').filter_map(|address| address.rsplit_once(':')?.1.parse().ok());
        let mut ports: Vec<u16> = ports.collect();
        let (mut epochs, mut next, begun) = (Epochs::default(), 0, Instant::now());
        while next < end && begun.elapsed() < PATIENCE {
            let before = next;
            let records = fetch(ports[0], topic, partition, next).unwrap_or_default();
            let mut rest = &records[..];
            while let Ok(header) = Header::parse(rest) {
                let length = LENGTH_OVERHEAD + header.batch_length as usize;
                // The last one may be cut.
                let Some((_, behind)) = rest.split_at_checked(length) else { break };
                let last = header.base_offset + i64::from(header.last_offset_delta);
                epochs.0.insert(last, header.producer_epoch);
                (rest, next) = (behind, last + 1);
            }
            if next == before {
                ports.rotate_left(1);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        epochs
    }

    #[cfg(test)]
    pub fn of_batches(batches: impl IntoIterator<Item = (i64, i16)>) -> Epochs {
        Epochs(batches.into_iter().collect())
    }

    /// The epoch of the producer of a record.
    pub fn of(&self, offset: i64) -> Option<i16> {
        self.0.range(offset..).next().map(|(_, epoch)| *epoch)
    }
}

/// Batches from an offset on, or from before it; none if the broker does not lead the partition.
fn fetch(port: u16, topic: &str, partition: i32, fetch_offset: i64) -> Option<Bytes> {
    let partition = fetch::FetchPartition {
        partition,
        fetch_offset,
        partition_max_bytes: BYTES_AT_A_TIME,
        ..Default::default()
    };
    let topic =
        fetch::FetchTopic { topic: topic.to_owned(), partitions: vec![partition], ..Default::default() };
    let request = fetch::Request {
        min_bytes: 1,
        max_bytes: BYTES_AT_A_TIME,
        topics: vec![topic],
        ..Default::default()
    };
    let answer = processes::ask(port, &request, FETCH).ok()?;
    let answer = answer.responses.into_iter().next()?.partitions.into_iter().next()?;
    answer.records.filter(|_| answer.error_code == 0).map(Records::into_bytes)
}
