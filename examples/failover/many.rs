//! Ten thousand partitions: how long it takes to make them, to tell of them, to change one, and to fail over a third of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafkaesque::protocol::batch::{Builder, NewRecord};
use kafkaesque::protocol::codec::Records;
use kafkaesque::protocol::messages::produce::{self, PartitionProduceData, TopicProduceData};
use kafkaesque::protocol::messages::{create_partitions, create_topics, metadata};

use super::Plan;
use super::processes::Cluster;
use super::table::Table;

const TOPICS: usize = 1_000;
const PER_REQUEST: usize = 50;
const PARTITIONS: i32 = 10;
/// Times that Metadata of everything is asked for, and changes of one topic each.
const TIMES: usize = 20;
const CPU_SECONDS: &str = "process_cpu_seconds_total";
const LIMIT: Duration = Duration::from_secs(120);

/// A partition of a topic.
type Place = (String, i32);

pub fn run(plan: &Plan) -> Result<(), Vec<String>> {
    let mut cluster = Cluster::prepare(
        &plan.program,
        3,
        &[("LOCAL_FSYNC", "false"), ("LOCAL_RESERVE_BYTES", "0"), ("SHARDS", "6"), ("RUST_LOG", "error")],
    );
    plan.slow_down(&mut cluster);
    cluster.ids().for_each(|id| cluster.launch(id));
    cluster.ids().for_each(|id| cluster.wait_until_ready(id));
    let mut table = Table::default();
    let begun = Instant::now();
    make(&cluster);
    table.add("10,000 partitions, 50 topics to a request: until all are made", begun.elapsed());
    for _ in 0..TIMES {
        let begun = Instant::now();
        let told = everything(&cluster, 0);
        table.add("Metadata of everything", begun.elapsed());
        assert_eq!(told.len(), TOPICS * PARTITIONS as usize);
    }
    change(&cluster, &mut table);
    fail_over(&mut cluster, &mut table);
    print!("{table}");
    Ok(())
}

fn name(topic: usize) -> String {
    format!("t{topic:04}")
}

fn make(cluster: &Cluster) {
    for from in (0..TOPICS).step_by(PER_REQUEST) {
        let topic = |topic| create_topics::CreatableTopic {
            name: name(topic),
            num_partitions: PARTITIONS,
            replication_factor: -1,
            ..Default::default()
        };
        let request = create_topics::Request {
            topics: (from..from + PER_REQUEST).map(topic).collect(),
            timeout_ms: 30_000,
            validate_only: false,
        };
        let made = cluster.ask(from % 3, &request, 7).expect("an answer").topics;
        assert!(made.iter().all(|topic| topic.error_code == 0), "{made:?}");
    }
}

/// The leader of each partition of each topic, as a broker tells.
fn everything(cluster: &Cluster, id: usize) -> BTreeMap<(String, i32), i32> {
    let request = metadata::Request { topics: None, ..Default::default() };
    let topics = cluster.ask(id, &request, 12).expect("an answer").topics;
    let of_topic = |topic: metadata::MetadataResponseTopic| {
        let name = topic.name.unwrap_or_default();
        topic.partitions.into_iter().map(move |p| ((name.clone(), p.partition_index), p.leader_id))
    };
    topics.into_iter().flat_map(of_topic).collect()
}

/// Processor time of each broker so far.
fn cpu(cluster: &Cluster) -> Vec<f64> {
    cluster.ids().map(|id| cluster.metric(id, CPU_SECONDS).expect("a metric")).collect()
}

/// Topics that get a partition more, one after the other; what brokers do meanwhile without it is taken off.
fn change(cluster: &Cluster, table: &mut Table) {
    let (before, begun) = (cpu(cluster), Instant::now());
    for topic in 0..TIMES {
        let grown = create_partitions::CreatePartitionsTopic {
            name: name(topic),
            count: PARTITIONS + 1,
            assignments: None,
        };
        let request =
            create_partitions::Request { topics: vec![grown], timeout_ms: 30_000, validate_only: false };
        let asked = Instant::now();
        let answer = cluster.ask(topic % 3, &request, 3).expect("an answer");
        assert_eq!(answer.results[0].error_code, 0, "{answer:?}");
        table.add("a change of one topic", asked.elapsed());
    }
    let (after, took) = (cpu(cluster), begun.elapsed());
    std::thread::sleep(took);
    for ((before, after), idle) in before.iter().zip(&after).zip(cpu(cluster)) {
        let spent = ((after - before) - (idle - after)).max(0.0) / TIMES as f64;
        println!("a change of one topic: {:.2} ms of a broker's processor", spent * 1e3);
    }
}

/// Kills a broker, and sends a record to each of its partitions, all in one request for each broker that leads some.
fn fail_over(cluster: &mut Cluster, table: &mut Table) {
    let leader = cluster.leader().expect("somebody leads the metadata").broker;
    let victim = (leader + 1) % 3;
    let leaders = everything(cluster, leader);
    let of_victim = leaders.iter().filter(|(_, leads)| **leads == victim as i32);
    let places: Vec<Place> = of_victim.map(|(place, _)| place.clone()).collect();
    println!("broker {victim} leads {} of {} partitions", places.len(), leaders.len());
    let begun = Instant::now();
    take_all(cluster, leader, places.clone());
    table.add("a record to each of them, for the first time", begun.elapsed());
    let begun = Instant::now();
    take_all(cluster, leader, places.clone());
    table.add("a record to each of them", begun.elapsed());
    cluster.kill(victim);
    let begun = Instant::now();
    take_all(cluster, leader, places);
    table.add("a record to each of them, from kill -9 of their owner on", begun.elapsed());
}

/// Asks broker `id` who leads, and sends, until each of these partitions has taken a record.
fn take_all(cluster: &Cluster, id: usize, mut places: Vec<Place>) {
    let begun = Instant::now();
    while !places.is_empty() {
        assert!(begun.elapsed() < LIMIT, "{} partitions take no records", places.len());
        let leaders = everything(cluster, id);
        let mut of_each: BTreeMap<i32, Vec<Place>> = BTreeMap::new();
        for place in places.drain(..) {
            of_each.entry(leaders[&place]).or_default().push(place);
        }
        for (broker, asked) in of_each {
            places.extend(refused(cluster, broker, asked));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a record to each of these partitions. Returns those that did not take it.
fn refused(cluster: &Cluster, broker: i32, asked: Vec<Place>) -> Vec<Place> {
    let Ok(broker) = usize::try_from(broker) else { return asked };
    let record = NewRecord { value: Some(b"v"), timestamp: 1_000, ..NewRecord::default() };
    let batch = Builder::new().record(&record).build().expect("a batch").to_bytes();
    let mut topics: BTreeMap<String, Vec<PartitionProduceData>> = BTreeMap::new();
    for (topic, index) in &asked {
        let records = Some(Records::from(batch.clone()));
        topics.entry(topic.clone()).or_default().push(PartitionProduceData { index: *index, records });
    }
    let of_topic =
        |(name, partition_data)| TopicProduceData { name, partition_data, ..TopicProduceData::default() };
    let topic_data = topics.into_iter().map(of_topic).collect();
    let request =
        produce::Request { acks: -1, timeout_ms: 30_000, topic_data, ..produce::Request::default() };
    let Ok(answer) = cluster.ask(broker, &request, 9) else { return asked };
    let of_topic = |topic: produce::TopicProduceResponse| {
        let refused = topic.partition_responses.into_iter().filter(|answer| answer.error_code != 0);
        refused.map(|answer| (topic.name.clone(), answer.index)).collect::<Vec<_>>()
    };
    answer.responses.into_iter().flat_map(of_topic).collect()
}
