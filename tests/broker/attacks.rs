//! Strangers that take memory and time, with a client beside them: its records go on being acknowledged, and the broker's
//! memory has a bound. The broker is a process of its own, with its defaults.
//!
//! Each attack prints its figures. Those of `benches/README.md` are of a release build, given as `KAFKAESQUE_BIN`, one
//! attack at a time: `cargo test --test broker attacks -- --nocapture --test-threads 1`.
#![cfg(target_os = "linux")]

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kafkaesque::protocol::batch::{Builder, Codec, Compression, NewRecord};
use kafkaesque::protocol::messages::{create_partitions, create_topics, fetch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::admin::{create, topic};
use crate::client::Client;
use crate::hostile::with_surplus;
use crate::process::Process;
use crate::produce_fetch::{batch, bytes, fetch_request, produce, produce_request, read_all};

pub const BEFORE: Duration = Duration::from_secs(2);
pub const DURING: Duration = Duration::from_secs(5);
/// Between two records of the client beside.
const INTERVAL: Duration = Duration::from_millis(20);

/// True for a program whose figures are looked at, rather than a debug build beside other tests.
pub fn is_measured() -> bool {
    std::env::var("KAFKAESQUE_BIN").is_ok()
}

/// A bound of time, which a debug build on a busy machine may take ten times.
pub fn patient(bound: Duration) -> Duration {
    if is_measured() { bound } else { 10 * bound }
}

/// What a busy machine adds to an acknowledgement, beyond twice what it takes otherwise.
pub fn scatter() -> Duration {
    patient(Duration::from_millis(500))
}

/// Times from a record to its acknowledgement, in ascending order.
#[derive(Default)]
pub struct Acks(Vec<Duration>);

impl Acks {
    pub fn percent(&self, percent: usize) -> Duration {
        self.0[(self.0.len() - 1) * percent / 100]
    }

    pub fn add(&mut self, others: Acks) {
        self.0.extend(others.0);
        self.0.sort();
    }
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |percent| self.percent(percent).as_secs_f64() * 1e3;
        write!(f, "p50 {:.2} p99 {:.2} most {:.2} ms", ms(50), ms(99), ms(100))
    }
}

/// Fifty records a second from a client of its own.
async fn acks(broker: &Process, time: Duration) -> Acks {
    acks_of(&mut Client::connect(broker.clients).await, time).await
}

/// Fifty records a second.
pub async fn acks_of(client: &mut Client, time: Duration) -> Acks {
    let (end, value) = (Instant::now() + time, "v".repeat(100));
    let mut acks = Vec::new();
    while Instant::now() < end {
        let sent = Instant::now();
        assert_eq!(produce(client, "beside", bytes(batch(&[&value]))).await.error_code, 0);
        acks.push(sent.elapsed());
        sleep(INTERVAL.saturating_sub(sent.elapsed())).await;
    }
    acks.sort();
    Acks(acks)
}

async fn create_beside(broker: &Process) -> Client {
    let mut client = Client::connect(broker.clients).await;
    assert_eq!(create(&mut client, vec![topic("beside", 1, 1)]).await[0].error_code, 0);
    acks(broker, Duration::from_millis(500)).await;
    client
}

/// Runs `attack`, which keeps what it has opened, and looks at the client beside it.
async fn beside<T>(broker: &Process, name: &str, most_mib: u64, attack: impl Future<Output = T>) -> T {
    let before = acks(broker, BEFORE).await;
    let kept = attack.await;
    let during = acks(broker, DURING).await;
    let mib = broker.peak_kib() / 1024;
    println!("{name}: before {before}; during {during}; at most {mib} MiB");
    assert!(during.percent(99) <= 2 * before.percent(99) + scatter(), "{name}: {during}");
    assert!(mib <= most_mib, "{name}: {mib} MiB, {most_mib} allowed");
    kept
}

/// A connection that announces a frame, sends a part of it as fast as it is taken, and stays.
fn half_a_frame(broker: &Process, announced: i32, sent: usize) -> tokio::task::JoinHandle<TcpStream> {
    let at = broker.clients;
    tokio::spawn(async move {
        let mut stranger = TcpStream::connect(at).await.expect("connects");
        let _ = stranger.write_all(&announced.to_be_bytes()).await;
        let _ = stranger.write_all(&vec![0; sent]).await;
        stranger
    })
}

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_large_frames() {
    for (strangers, most_mib) in [(5, 250), (40, 400)] {
        let broker = Process::start(&[]);
        create_beside(&broker).await;
        let name = format!("{strangers} connections with 18 of 100 MiB");
        let attack = async {
            let kept: Vec<_> = (0..strangers).map(|_| half_a_frame(&broker, 100 << 20, 18 * MIB)).collect();
            sleep(Duration::from_secs(1)).await;
            kept
        };
        beside(&broker, &name, most_mib, attack).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_fetches_that_wait() {
    let broker = Process::start(&[]);
    let mut client = create_beside(&broker).await;
    assert_eq!(create(&mut client, vec![topic("empty", 1, 1)]).await[0].error_code, 0);
    let waiting = fetch::Request { max_wait_ms: i32::MAX, ..fetch_request("empty", 0) };
    let frame = with_surplus(&waiting, 11, 10_000_000);
    let attack = async {
        let mut strangers = Vec::new();
        for _ in 0..27 {
            let mut stranger = Client::connect(broker.clients).await;
            stranger.raw(&frame).await;
            strangers.push(stranger);
        }
        strangers
    };
    beside(&broker, "27 Fetches of 10 MB that wait for ever", 200, attack).await;
}

/// Text that no cache or codec makes small.
fn noise(bytes: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state % 26) as u8)
    };
    (0..bytes).map(letter).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cold_answers_that_nobody_reads() {
    let broker = Process::start(&[]);
    let mut client = create_beside(&broker).await;
    assert_eq!(create(&mut client, vec![topic("big", 1, 1)]).await[0].error_code, 0);
    for n in 0..60 {
        let record = bytes(batch(&[&noise(1_000_000, n)]));
        assert_eq!(produce(&mut client, "big", record).await.error_code, 0);
    }
    let broker = broker.again();
    acks(&broker, Duration::from_millis(500)).await;
    let mut everything = fetch_request("big", 0);
    everything.topics[0].partitions[0].partition_max_bytes = 50 << 20;
    let attack = async {
        let mut strangers = Vec::new();
        for _ in 0..100 {
            let mut stranger = Client::connect(broker.clients).await;
            stranger.send(&everything, 11).await;
            strangers.push(stranger);
        }
        sleep(Duration::from_secs(1)).await;
        strangers
    };
    let _strangers = beside(&broker, "100 cold answers of 50 MB, unread", 450, attack).await;
    let mut reader = Client::connect(broker.clients).await;
    let read = timeout(Duration::from_secs(30), read_all(&mut reader, "big", 0)).await;
    assert_eq!(read.expect("a consumer that reads gets its records").len(), 60);
}

async fn is_live(at: SocketAddr) -> bool {
    let mut probe = TcpStream::connect(at).await.expect("connects");
    probe.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("is sent");
    let mut answer = String::new();
    probe.read_to_string(&mut answer).await.expect("is answered");
    answer.starts_with("HTTP/1.1 200")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_to_the_health_port() {
    let broker = Process::start(&[]);
    create_beside(&broker).await;
    let attack = async {
        let mut strangers = Vec::new();
        for _ in 0..257 {
            strangers.push(TcpStream::connect(broker.health).await.expect("connects"));
        }
        strangers
    };
    let _strangers = beside(&broker, "257 silent on the health port", 150, attack).await;
    for _ in 0..5 {
        let asked = Instant::now();
        let live = timeout(patient(Duration::from_secs(1)), is_live(broker.health)).await;
        assert_eq!(live, Ok(true));
        println!("  /live answered in {:?}", asked.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_strangers_where_few_files_may_be_open() {
    let broker = Process::with_files(256);
    create_beside(&broker).await;
    let attack = async {
        let mut strangers = Vec::new();
        for _ in 0..600 {
            strangers.push(TcpStream::connect(broker.clients).await.expect("connects"));
        }
        strangers
    };
    let _strangers = beside(&broker, "600 idle strangers, 256 files", 150, attack).await;
    let mut late = Client::connect(broker.clients).await;
    assert!(!read_all(&mut late, "beside", 0).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_unfold_to_a_hundred_megabytes() {
    let broker = Process::start(&[]);
    create_beside(&broker).await;
    let zeros = vec![0; 120_000_000];
    let record = NewRecord { value: Some(&zeros), timestamp: 1_000, ..NewRecord::default() };
    let bomb = bytes(Builder::new().compression(Compression::new(Codec::Zstd)).record(&record));
    println!("{} bytes that unfold to {}", bomb.len(), zeros.len());
    let attack = async {
        let strangers = (0..18).map(|_| {
            let (at, bomb) = (broker.clients, bomb.clone());
            tokio::spawn(async move {
                let mut stranger = Client::connect(at).await;
                loop {
                    stranger.send(&produce_request("beside", bomb.clone(), -1), 9).await;
                    if stranger.frame().await.is_none() {
                        return;
                    }
                }
            })
        });
        strangers.collect::<Vec<_>>()
    };
    let strangers = beside(&broker, "18 connections with bombs", 350, attack).await;
    strangers.iter().for_each(|stranger| stranger.abort());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_partitions_than_there_can_be() {
    let broker = Process::start(&[]);
    let mut client = create_beside(&broker).await;
    let many = create_partitions::CreatePartitionsTopic {
        name: "beside".to_owned(),
        count: i32::MAX,
        ..create_partitions::CreatePartitionsTopic::default()
    };
    let attack = async {
        for validate_only in [true, false] {
            let asked = Instant::now();
            let grown =
                create_partitions::Request { topics: vec![many.clone()], timeout_ms: 10_000, validate_only };
            assert_ne!(client.ask(&grown, 3).await.results[0].error_code, 0);
            let made = create_topics::Request {
                topics: vec![topic("more", i32::MAX, 1)],
                timeout_ms: 10_000,
                validate_only,
            };
            assert_ne!(client.ask(&made, 5).await.topics[0].error_code, 0);
            println!("2^31-1 partitions, twice: {:?}", asked.elapsed());
            assert!(asked.elapsed() < patient(Duration::from_secs(1)));
        }
    };
    beside(&broker, "2^31-1 partitions", 150, attack).await;
}

/// All partitions of all topics at once, by a broker that has loaded none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_of_very_many_partitions() {
    // As many as the figures are of, where the binary is a fast one.
    let (topics, most) = if is_measured() { (10, 2) } else { (2, 10) };
    let broker = Process::start(&[]);
    let mut client = create_beside(&broker).await;
    for n in 0..topics {
        assert_eq!(create(&mut client, vec![topic(&format!("t{n}"), 10_000, 1)]).await[0].error_code, 0);
    }
    let broker = broker.again();
    acks(&broker, Duration::from_millis(500)).await;
    let mut all = fetch_request("t0", 0);
    let partition = all.topics[0].partitions[0].clone();
    all.topics = (0..topics)
        .map(|n| fetch::FetchTopic {
            topic: format!("t{n}"),
            partitions: (0..10_000)
                .map(|partition_index| fetch::FetchPartition {
                    partition: partition_index,
                    ..partition.clone()
                })
                .collect(),
            ..fetch::FetchTopic::default()
        })
        .collect();
    let mut stranger = Client::connect(broker.clients).await;
    let attack = async {
        let asked = Instant::now();
        let answer = stranger.ask(&all, 11).await;
        let codes = answer.responses.iter().flat_map(|topic| &topic.partitions);
        assert!(codes.into_iter().all(|partition| partition.error_code == 0));
        println!("a Fetch of {} partitions, cold: {:?}", topics * 10_000, asked.elapsed());
        assert!(asked.elapsed() < Duration::from_secs(most));
    };
    beside(&broker, "a Fetch of very many partitions", 400, attack).await;
}
