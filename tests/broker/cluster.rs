//! Three processes on one store: they form one cluster, take over from each other, and come back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::batch::{Batch, Records as InBatch};
use kafkaesque::protocol::codec::Records;
use kafkaesque::protocol::messages::{create_topics, fetch, metadata, produce, unregister_broker};

use crate::admin::topic;
use crate::process::program;
use crate::processes::Cluster;
use crate::produce_fetch::{batch, bytes};

const PARTITIONS: i32 = 6;
/// The longest takeover that a test puts up with, on a busy machine.
const TAKEOVER: Duration = Duration::from_secs(10);
const FORMING: Duration = Duration::from_secs(30);
const LEAVING: Duration = Duration::from_secs(20);

/// One cluster at a time has the machine.
pub static TURN: Mutex<()> = Mutex::new(());

/// Brokers without TLS form a cluster if they are told to do without.
const VARIABLES: [(&str, &str); 4] = [
    ("LOCAL_FSYNC", "false"),
    ("LOCAL_RESERVE_BYTES", "0"),
    ("RUST_LOG", "info"),
    ("RAFT_INSECURE", if cfg!(feature = "tls") { "false" } else { "true" }),
];

/// A cluster, and what it acknowledged: values by partition and offset.
struct Written {
    cluster: Cluster,
    acked: BTreeMap<(i32, i64), String>,
}

impl Written {
    fn start() -> Written {
        let cluster = Cluster::start(&program(), 3, &VARIABLES);
        let mut written = Written { cluster, acked: BTreeMap::new() };
        written.create();
        written
    }

    fn create(&mut self) {
        let topics = vec![topic("t", PARTITIONS, 1)];
        let request = create_topics::Request { topics, timeout_ms: 10_000, ..Default::default() };
        let answer = self.cluster.ask(0, &request, 7).expect("an answer");
        assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
    }

    /// The leaders of all partitions as broker `id` says, if it knows of all.
    fn leaders(&self, id: usize) -> Option<Vec<i32>> {
        let named = metadata::MetadataRequestTopic { name: Some("t".to_owned()), ..Default::default() };
        let request = metadata::Request { topics: Some(vec![named]), ..Default::default() };
        let answer = self.cluster.ask(id, &request, 9).ok()?.topics.pop()?;
        let mut partitions = answer.partitions;
        partitions.sort_by_key(|partition| partition.partition_index);
        let leaders: Vec<i32> = partitions.iter().map(|partition| partition.leader_id).collect();
        (leaders.len() == PARTITIONS as usize && leaders.iter().all(|leader| *leader >= 0)).then_some(leaders)
    }

    /// Produces one record at broker `id`; the error code and the offset, if there is an answer.
    fn produce_at(&mut self, id: usize, partition: i32, value: &str) -> Option<i16> {
        let records = Some(Records::from(bytes(batch(&[value]))));
        let partition_data = vec![produce::PartitionProduceData { index: partition, records }];
        let data = produce::TopicProduceData { name: "t".to_owned(), partition_data, ..Default::default() };
        let request =
            produce::Request { acks: -1, timeout_ms: 10_000, topic_data: vec![data], ..Default::default() };
        let answer =
            self.cluster.ask(id, &request, 9).ok()?.responses.remove(0).partition_responses.remove(0);
        if answer.error_code == 0 {
            self.acked.insert((partition, answer.base_offset), value.to_owned());
        }
        Some(answer.error_code)
    }

    /// Produces one record to each partition, asking `id` who leads, and trying again until `limit` has passed.
    fn produce_to_all(&mut self, id: usize, value: &str, limit: Duration) {
        let begun = Instant::now();
        for partition in 0..PARTITIONS {
            loop {
                let leader = self.leaders(id).map(|leaders| leaders[partition as usize]);
                let code = leader.map(|leader| self.produce_at(leader as usize, partition, value));
                if code == Some(Some(0)) {
                    break;
                }
                assert!(begun.elapsed() < limit, "{value} to partition {partition} at {leader:?}: {code:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Everything that was acknowledged is where it was acknowledged.
    fn read_back(&self, id: usize) {
        let begun = Instant::now();
        for partition in 0..PARTITIONS {
            let found = loop {
                let leader = self.leaders(id).map(|leaders| leaders[partition as usize]);
                match leader.and_then(|leader| self.read(leader as usize, partition)) {
                    Some(found) => break found,
                    // It may be on its way to another.
                    None => assert!(begun.elapsed() < FORMING, "partition {partition} cannot be read"),
                }
                std::thread::sleep(Duration::from_millis(20));
            };
            for ((_, offset), value) in self.acked.iter().filter(|((of, _), _)| *of == partition) {
                assert_eq!(found.get(offset), Some(value), "partition {partition}, offset {offset}");
            }
        }
    }

    /// All records of a partition, from its leader.
    fn read(&self, id: usize, partition: i32) -> Option<BTreeMap<i64, String>> {
        let (mut found, mut offset) = (BTreeMap::new(), 0);
        loop {
            let data = self.fetch(id, partition, offset).filter(|data| data.error_code == 0)?;
            let mut rest = data.records.map(Records::into_bytes).unwrap_or_default();
            while !rest.is_empty() {
                let batch = Batch::parse(&rest).expect("a whole batch");
                let _ = rest.split_to(batch.len());
                let payload = batch.decompress(1 << 20).expect("a payload");
                for record in InBatch::new(&batch.header, &payload) {
                    let record = record.expect("a record");
                    let value = String::from_utf8_lossy(record.value.expect("a value")).into_owned();
                    found.insert(record.offset(&batch.header), value);
                }
                offset = batch.header.last_offset() + 1;
            }
            if offset >= data.high_watermark {
                return Some(found);
            }
        }
    }

    fn fetch(&self, id: usize, partition: i32, fetch_offset: i64) -> Option<fetch::PartitionData> {
        let partition = fetch::FetchPartition {
            partition,
            fetch_offset,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        };
        let partitions = vec![partition];
        let topics = vec![fetch::FetchTopic { topic: "t".to_owned(), partitions, ..Default::default() }];
        let request = fetch::Request { max_bytes: 1 << 20, topics, ..Default::default() };
        let answer = self.cluster.ask(id, &request, 11).ok()?;
        answer.responses.into_iter().next()?.partitions.pop()
    }

    /// Waits until broker `id` says that each of the three leads something.
    fn balanced(&self, id: usize) -> Vec<i32> {
        let begun = Instant::now();
        loop {
            let leaders = self.leaders(id).unwrap_or_default();
            if self.cluster.ids().all(|id| leaders.contains(&(id as i32))) {
                return leaders;
            }
            assert!(begun.elapsed() < FORMING, "leaders: {leaders:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn three_processes_are_one_cluster_that_survives_its_owners() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut written = Written::start();
    let leaders = written.balanced(0);
    for id in 1..3 {
        let begun = Instant::now();
        while written.leaders(id).as_ref() != Some(&leaders) {
            assert!(
                begun.elapsed() < TAKEOVER,
                "broker {id} says {:?}, not {leaders:?}",
                written.leaders(id)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    for partition in 0..PARTITIONS {
        let leader = leaders[partition as usize] as usize;
        for id in written.cluster.ids() {
            let expected = if id == leader { 0 } else { ErrorCode::NotLeaderOrFollower.code() };
            assert_eq!(written.produce_at(id, partition, "first"), Some(expected), "at broker {id}");
        }
    }
    let victim = leaders[0] as usize;
    let other = (victim + 1) % 3;
    written.cluster.kill(victim);
    written.produce_to_all(other, "after a kill", TAKEOVER);
    written.read_back(other);
    written.cluster.launch(victim);
    written.cluster.wait_until_ready(victim);
    written.balanced(victim);
    written.produce_to_all(victim, "after its return", TAKEOVER);

    let leader = written.cluster.leader().expect("somebody leads the metadata").broker;
    let others: Vec<usize> = written.cluster.ids().filter(|id| *id != leader).collect();
    let status = written.cluster.stop(leader, LEAVING).expect("it ends in time");
    assert!(status.success(), "SIGTERM ends a broker with {status}");
    let open = others.iter().map(|id| written.cluster.open_shards(*id).expect("a number")).sum::<u64>();
    let gave_up = written.cluster.has_said(leader, "not all shards were open elsewhere in time");
    assert!(open == 6 || gave_up, "{open} shards were open elsewhere when it ended");
    let left = written.leaders(others[0]).expect("every partition has a leader at once");
    assert!(!left.contains(&(leader as i32)), "its shards were given away before it ended: {left:?}");
    written.produce_to_all(others[0], "after a stop", TAKEOVER);

    let cluster = &mut written.cluster;
    cluster.ids().for_each(|id| cluster.kill(id));
    cluster.ids().for_each(|id| cluster.launch(id));
    cluster.ids().for_each(|id| cluster.wait_until_ready(id));
    written.produce_to_all(0, "after an end of all", FORMING);
    written.read_back(0);
}

/// The answer to UnregisterBroker, asked of broker `at`, once somebody decides.
fn unregister(cluster: &Cluster, at: usize, broker_id: i32) -> (i16, String) {
    let begun = Instant::now();
    loop {
        let request = unregister_broker::Request { broker_id };
        let answer = cluster.ask(at, &request, 0).expect("an answer");
        if answer.error_code != ErrorCode::NotController.code() {
            return (answer.error_code, answer.error_message.unwrap_or_default());
        }
        assert!(begun.elapsed() < FORMING, "nobody decides: {answer:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until broker `id` says that these vote on the metadata.
fn wait_for_voters(cluster: &Cluster, id: usize, expected: &[i32]) {
    let begun = Instant::now();
    while cluster.voters(id).as_deref() != Some(expected) {
        assert!(begun.elapsed() < FORMING, "voters: {:?}", cluster.voters(id));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_cluster_grows_from_one_broker_and_lets_the_first_one_go() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let variables = [&VARIABLES[..], &[("SHARDS", "6")]].concat();
    let mut cluster = Cluster::prepare(&program(), 4, &variables);
    cluster.launch_among(0, &[]);
    cluster.wait_until_ready(0);
    let mut written = Written { cluster, acked: BTreeMap::new() };
    written.create();
    written.produce_to_all(0, "of one", TAKEOVER);
    let status = written.cluster.stop(0, LEAVING).expect("it ends in time");
    assert!(status.success(), "{status}");

    written.cluster.launch_among(0, &[0, 1, 2]);
    written.cluster.wait_until_ready(0);
    wait_for_voters(&written.cluster, 0, &[0]);
    written.cluster.launch_among(1, &[0, 1]);
    written.cluster.launch_among(2, &[1, 2]);
    (1..3).for_each(|id| written.cluster.wait_until_ready(id));
    wait_for_voters(&written.cluster, 2, &[0, 1, 2]);
    written.produce_to_all(1, "of three", TAKEOVER);
    written.cluster.launch_among(3, &[1, 2, 3]);
    written.cluster.wait_until_ready(3);

    let cluster = &written.cluster;
    let invalid = ErrorCode::InvalidRequest.code();
    assert_eq!(
        unregister(cluster, 1, 0),
        (invalid, "broker 0 lives: stop it first, or have it drained".to_owned())
    );
    assert_eq!(unregister(cluster, 2, 9).0, ErrorCode::BrokerIdNotRegistered.code());
    written.cluster.kill(0);
    written.produce_to_all(3, "without the first", TAKEOVER);
    assert_eq!(unregister(&written.cluster, 3, 0), (0, String::new()));
    wait_for_voters(&written.cluster, 3, &[1, 2, 3]);
    assert_eq!(unregister(&written.cluster, 1, 0).0, ErrorCode::BrokerIdNotRegistered.code());

    written.cluster.launch_among(0, &[0, 3]);
    written.cluster.wait_until_ready(0);
    written.produce_to_all(0, "with a new one of its id", TAKEOVER);
    wait_for_voters(&written.cluster, 0, &[1, 2, 3]);

    let refused = written.cluster.operate(&["remove", "1"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("broker 1 lives"), "{said}");
    written.cluster.remove(1, LEAVING);
    written.produce_to_all(2, "without another", TAKEOVER);
    wait_for_voters(&written.cluster, 0, &[0, 2, 3]);
    written.read_back(3);
    let status = written.cluster.operate(&["status"]);
    let told = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.status.success(), "{told}");
    assert_eq!(told.lines().filter(|line| line.ends_with(" open")).count(), 6, "{told}");
}

#[test]
fn a_broker_that_is_late_joins_and_a_second_process_of_an_id_replaces_the_first() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut cluster = Cluster::prepare(&program(), 3, &VARIABLES);
    cluster.launch(0);
    cluster.launch(1);
    (0..2).for_each(|id| cluster.wait_until_ready(id));
    let mut written = Written { cluster, acked: BTreeMap::new() };
    written.create();
    written.produce_to_all(1, "of two", TAKEOVER);
    written.cluster.launch(2);
    written.cluster.wait_until_ready(2);
    written.balanced(2);
    written.produce_to_all(2, "of three", TAKEOVER);

    let older = written.cluster.replace(2);
    let (status, said) = older.end(LEAVING).expect("the older process ends");
    assert!(!status.success(), "it was no success");
    assert!(said.contains("broker 2"), "it says who replaced it: {said}");
    written.cluster.kill(2);
    written.produce_to_all(0, "of those that stayed", TAKEOVER);
    written.read_back(0);
}
