//! Load from end to end on librdkafka: what a broker takes and gives per second, how long it takes, and what that costs it.
//!
//! Works on any broker, so that Apache Kafka and we are measured by the same program. Says it to people, then as one line
//! of JSON. MB and GB are powers of ten, of record values alone.

mod latency;
mod load;
mod usage;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use serde_json::{Value, json};

use broker_usage::Outcome;
use load::Totals;
use usage::Look;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    /// What is there already, too.
    Beginning,
    /// Only what comes from now on.
    End,
}

#[derive(Clone, Debug, Parser)]
struct Options {
    /// Address of the broker.
    #[arg(long, default_value = "127.0.0.1:9092")]
    bootstrap: String,
    /// The broker's process id, for its processor time and memory.
    #[arg(long)]
    pid: Option<u32>,
    /// Address of the broker's metrics, for its object-store requests.
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// Created if it does not exist.
    #[arg(long, default_value = "benchmark")]
    topic: String,
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,
    #[arg(long, default_value_t = 1)]
    producers: u32,
    #[arg(long, default_value_t = 0)]
    consumers: u32,
    #[arg(long, value_enum, default_value = "end")]
    from: From,
    /// Of all producers together.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// At least 8: each begins with the time it was sent at.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(8..))]
    record_bytes: u32,
    /// Records per second of all producers together; 0 means as many as possible.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    #[arg(long, default_value = "all")]
    acks: String,
    #[arg(long, default_value = "none")]
    compression: String,
    #[arg(long, default_value = "5")]
    linger_ms: String,
    #[arg(long, default_value = "1000000")]
    batch_bytes: String,
    /// Number of different keys; 0 means none. Partitions are taken in turn, whatever the key.
    #[arg(long, default_value_t = 0)]
    keys: u64,
    /// Another property of librdkafka, of producers and consumers.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
}

impl Options {
    fn client(&self) -> Outcome<ClientConfig> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        for pair in &self.set {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("{pair}: not NAME=VALUE"))?;
            config.set(name, value);
        }
        Ok(config)
    }
}

fn main() -> ExitCode {
    match run(&Arc::new(Options::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Arc<Options>) -> Outcome<()> {
    create_topic(options)?;
    let before = Look::at(options.pid, options.metrics.as_deref())?;
    let start = Instant::now();
    let totals = load::run(options)?;
    let seconds = start.elapsed().as_secs_f64();
    let after = Look::at(options.pid, options.metrics.as_deref())?;
    let mut report = report(options, &totals);
    report["seconds"] = json!(seconds);
    let moved = totals.produced.max(totals.consumed) * u64::from(options.record_bytes);
    report["broker"] = after.since(&before, moved as f64 / 1e9);
    show(&report, 0);
    println!("{report}");
    Ok(())
}

fn create_topic(options: &Options) -> Outcome<()> {
    let admin: AdminClient<DefaultClientContext> = options.client()?.create()?;
    let topic = NewTopic::new(&options.topic, options.partitions, TopicReplication::Fixed(1));
    let created = futures::executor::block_on(admin.create_topics([&topic], &AdminOptions::new()))?;
    match created.into_iter().next() {
        Some(Err((topic, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
            Err(format!("cannot create {topic}: {code}").into())
        }
        _ => Ok(()),
    }
}

fn report(options: &Options, totals: &Totals) -> Value {
    let speed = |records: u64, seconds: f64| {
        let bytes = (records * u64::from(options.record_bytes)) as f64;
        json!({
            "records": records,
            "seconds": seconds,
            "records_per_second": records as f64 / seconds,
            "mb_per_second": bytes / 1e6 / seconds,
        })
    };
    let mut report = json!({});
    if options.producers > 0 {
        report["produced"] = speed(totals.produced, totals.produce_seconds);
        report["produced"]["failed"] = json!(totals.failed);
        report["produced"]["ack_ms"] = totals.acks.summary();
    }
    if options.consumers > 0 {
        report["consumed"] = speed(totals.consumed, totals.consume_seconds);
        report["consumed"]["end_to_end_ms"] = totals.end_to_end.summary();
    }
    report
}

/// The report, one figure per line.
fn show(report: &Value, depth: usize) {
    for (name, value) in report.as_object().into_iter().flatten() {
        let name = format!("{:indent$}{name}", "", indent = 2 * depth);
        match value {
            Value::Object(_) => {
                println!("{name}");
                show(value, depth + 1);
            }
            Value::Number(number) if number.is_f64() => {
                println!("{name:40} {:>14.3}", number.as_f64().unwrap_or_default());
            }
            _ => println!("{name:40} {value:>14}"),
        }
    }
}
