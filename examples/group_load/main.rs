//! Load for group coordinators: very many members, each with a connection of its own, as clients would be.
//!
//! Works on any broker that speaks the protocol of groups in question, so that Kafka and we are measured by the same program.
//! In turn: idle connections; all groups join; they stay stable; records flow; offsets are committed too; every member
//! leaves and comes back. Ends with an error if a member was thrown out, or anything was refused.

#[path = "../common/broker.rs"]
#[expect(dead_code, reason = "the peak is of use to the benchmark alone")]
mod broker;
mod classic;
mod consumer;
mod member;
mod watch;
mod wire;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use clap::{Parser, ValueEnum};
use kafkaesque::protocol::batch::{Builder, NewRecord};
use kafkaesque::protocol::codec::Records;
use kafkaesque::protocol::messages::{create_topics, find_coordinator, produce};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use broker_usage::Outcome;
use classic::Classic;
use consumer::Consumer;
use member::{Member, Place, Seen, Shared};
use watch::Watched;
use wire::Connection;

const TOPIC: &str = "group-load";
const PARTITIONS: i32 = 3;
const RECORD_BYTES: usize = 100;
const BATCHES_PER_SECOND: u32 = 100;
/// Without an end of a rebalance for so long, the run has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// Very many groups on one broker.
#[derive(Clone, Debug, Parser)]
struct Plan {
    /// The broker: `host:port`.
    #[arg(long)]
    broker: String,
    /// Its process.
    #[arg(long)]
    process: u32,
    /// Where its metrics are: `host:port`.
    #[arg(long)]
    metrics: Option<String>,
    #[arg(long, value_enum, default_value_t = Which::Classic)]
    protocol: Which,
    #[arg(long, default_value_t = 1_000)]
    groups: usize,
    /// Of each group.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Of the classic protocol; in the other one the broker says it.
    #[arg(long, default_value_t = 3_000)]
    heartbeat_ms: u64,
    /// Likewise.
    #[arg(long, default_value_t = 30_000)]
    session_ms: u64,
    #[arg(long, default_value_t = 2_000)]
    idle_connections: usize,
    #[arg(long, default_value_t = 5_000)]
    records_per_second: u32,
    #[arg(long, default_value_t = 1_000)]
    commits_per_second: u64,
    /// Of the phases without a length of their own.
    #[arg(long, default_value_t = 30)]
    phase_seconds: u64,
    /// How long the groups stay stable and nothing else happens.
    #[arg(long, default_value_t = 60)]
    stable_seconds: u64,
    /// In which all members leave and come back.
    #[arg(long, default_value_t = 60)]
    restart_seconds: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    Classic,
    Consumer,
}

fn main() -> ExitCode {
    let plan = Plan::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&plan))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("group_load: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Load {
    plan: Plan,
    watched: Watched,
    shared: Arc<Shared>,
    /// To tell a member to restart: all first members, then all second ones.
    restarts: Vec<mpsc::Sender<()>>,
}

async fn run(plan: &Plan) -> Outcome<()> {
    let watched = Watched { process: plan.process, metrics: plan.metrics.clone() };
    println!("at first: RSS {:.0} MiB", watched.look().await?.rss_mib());
    idle(plan, &watched).await?;
    prepare(plan).await?;
    let shared = Arc::new(Shared {
        address: plan.broker.clone(),
        topic: TOPIC.to_owned(),
        partitions: PARTITIONS,
        heartbeat: Duration::from_millis(plan.heartbeat_ms),
        session: Duration::from_millis(plan.session_ms),
        commit_every_us: AtomicU64::new(0),
        seen: Seen::default(),
        stop: AtomicBool::new(false),
    });
    let mut load = Load { plan: plan.clone(), watched, shared, restarts: Vec::new() };
    load.join().await?;
    load.stay_stable().await?;
    load.commit().await?;
    load.restart().await?;
    let seen = &load.shared.seen;
    let (expired, errors) = (seen.expired.load(Ordering::Relaxed), seen.errors.load(Ordering::Relaxed));
    println!("in all: {expired} members expired, {errors} errors");
    if expired + errors > 0 { Err("members were lost".into()) } else { Ok(()) }
}

/// Makes the topic, and has the coordinator found once: a broker may need to make something for that first.
async fn prepare(plan: &Plan) -> Outcome<()> {
    let mut connection = Connection::open(&plan.broker).await?;
    let topic = create_topics::CreatableTopic {
        name: TOPIC.to_owned(),
        num_partitions: PARTITIONS,
        replication_factor: 1,
        ..create_topics::CreatableTopic::default()
    };
    let request = create_topics::Request {
        topics: vec![topic],
        timeout_ms: 30_000,
        ..create_topics::Request::default()
    };
    connection.ask(&request, 7).await?;
    let started = Instant::now();
    loop {
        let request = find_coordinator::Request {
            coordinator_keys: vec!["group-0".to_owned()],
            ..find_coordinator::Request::default()
        };
        let found = connection.ask(&request, 4).await?.coordinators.pop().ok_or("no coordinator named")?;
        if found.error_code == 0 {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("no coordinator: error {}", found.error_code).into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn idle(plan: &Plan, watched: &Watched) -> Outcome<()> {
    if plan.idle_connections == 0 {
        return Ok(());
    }
    let mut connections = Vec::with_capacity(plan.idle_connections);
    for _ in 0..plan.idle_connections {
        connections.push(TcpStream::connect(&plan.broker).await?);
    }
    let before = watched.look().await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    println!("{} idle connections: {}", connections.len(), watched.since(&before).await?);
    Ok(())
}

impl Load {
    fn everybody(&self) -> usize {
        self.plan.groups * self.plan.members
    }

    async fn join(&mut self) -> Outcome<()> {
        let before = self.watched.look().await?;
        for member in 0..self.plan.members {
            for group in 0..self.plan.groups {
                let (restart, restarted) = mpsc::channel(1);
                let index = i32::try_from(group * self.plan.members + member)?;
                let place =
                    Place { shared: Arc::clone(&self.shared), group: format!("group-{group}"), index };
                match self.plan.protocol {
                    Which::Classic => {
                        tokio::spawn(Member::new(place, Classic::new()).run(restarted));
                    }
                    Which::Consumer => {
                        tokio::spawn(Member::new(place, Consumer::new()).run(restarted));
                    }
                }
                self.restarts.push(restart);
                // As many at once as a listener's backlog takes.
                if group % 100 == 99 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        self.until_stable().await?;
        self.report("joining", &before).await
    }

    /// Until everybody was in a stable group for longer than a heartbeat, by which a rebalance would be known.
    async fn until_stable(&self) -> Outcome<()> {
        let wanted = self.shared.heartbeat + Duration::from_secs(1);
        let started = Instant::now();
        let mut since = None;
        loop {
            let stable = self.shared.seen.stable.load(Ordering::Relaxed);
            if stable != self.everybody() {
                since = None;
            } else if since.get_or_insert_with(Instant::now).elapsed() > wanted {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                return Err(format!("{stable} of {} members are in stable groups", self.everybody()).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn stay_stable(&self) -> Outcome<()> {
        let before = self.watched.look().await?;
        tokio::time::sleep(Duration::from_secs(self.plan.stable_seconds)).await;
        self.report("stable", &before).await
    }

    /// Records alone, then records and commits.
    async fn commit(&self) -> Outcome<()> {
        let phase = Duration::from_secs(self.plan.phase_seconds);
        let producer = tokio::spawn(flow(self.plan.clone(), Arc::clone(&self.shared)));
        let before = self.watched.look().await?;
        tokio::time::sleep(phase).await;
        self.report("records", &before).await?;
        let everybody = self.everybody() as u64;
        let every_us = 1_000_000 * everybody / self.plan.commits_per_second.max(1);
        self.shared.commit_every_us.store(every_us, Ordering::Relaxed);
        // By then, every member has noticed.
        tokio::time::sleep(self.shared.heartbeat * 2).await;
        self.shared.seen.commits.take();
        let before = self.watched.look().await?;
        tokio::time::sleep(phase).await;
        self.report("records and commits", &before).await?;
        self.shared.commit_every_us.store(0, Ordering::Relaxed);
        producer.abort();
        Ok(())
    }

    async fn restart(&self) -> Outcome<()> {
        let before = self.watched.look().await?;
        let pause = Duration::from_secs(self.plan.restart_seconds) / u32::try_from(self.restarts.len())?;
        let started = Instant::now();
        for (restart, number) in self.restarts.iter().zip(0..) {
            tokio::time::sleep((pause * number).saturating_sub(started.elapsed())).await;
            // It may be in the middle of a rebalance, and restarts after it.
            restart.send(()).await?;
        }
        self.until_stable().await?;
        self.report("rolling restart", &before).await
    }

    async fn report(&self, phase: &str, before: &watch::Look) -> Outcome<()> {
        let seen = &self.shared.seen;
        println!("{phase}: {}", self.watched.since(before).await?);
        println!("  heartbeats: {}", seen.heartbeats.take());
        println!("  commits: {}", seen.commits.take());
        println!("  syncs: {}", seen.syncs.take());
        Ok(())
    }
}

/// An even flow of records, from one producer.
async fn flow(plan: Plan, shared: Arc<Shared>) {
    if let Err(error) = try_flow(&plan).await {
        shared.seen.errors.fetch_add(1, Ordering::Relaxed);
        eprintln!("the producer: {error}");
    }
}

async fn try_flow(plan: &Plan) -> Outcome<()> {
    let mut connection = Connection::open(&plan.broker).await?;
    let value = [b'x'; RECORD_BYTES];
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / BATCHES_PER_SECOND);
    for index in (0..PARTITIONS).cycle() {
        ticks.tick().await;
        let mut builder = Builder::new();
        let timestamp = i64::try_from(SystemTime::UNIX_EPOCH.elapsed()?.as_millis())?;
        for _ in 0..plan.records_per_second / BATCHES_PER_SECOND {
            builder.push(&NewRecord { value: Some(&value), timestamp, ..NewRecord::default() });
        }
        let records = Some(Records::from(builder.build()?.to_bytes()));
        let topic = produce::TopicProduceData {
            name: TOPIC.to_owned(),
            partition_data: vec![produce::PartitionProduceData { index, records }],
            ..produce::TopicProduceData::default()
        };
        let request = produce::Request {
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![topic],
            ..produce::Request::default()
        };
        let answer = connection.ask(&request, 9).await?;
        let partition = answer.responses.first().and_then(|topic| topic.partition_responses.first());
        match partition.map(|partition| partition.error_code) {
            Some(0) => {}
            other => return Err(format!("a batch is answered with {other:?}").into()),
        }
    }
    Ok(())
}
