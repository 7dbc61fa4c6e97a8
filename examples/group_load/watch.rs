//! What a run costs: the broker's processor time and memory, its requests to the object store, and latencies.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::wire::Outcome;

/// Of Linux, on every machine that this runs on (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A broker's process, looked at from outside.
#[derive(Clone, Debug)]
pub struct Watched {
    pub process: u32,
    /// Where its metrics are, if it has those that count PUTs: `host:port`.
    pub metrics: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub struct Look {
    at: Instant,
    cpu_seconds: f64,
    puts: Option<f64>,
}

impl Watched {
    pub async fn look(&self) -> Outcome<Look> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process))?;
        // The name of the program, in brackets, may hold anything; user and system time are the 12th and 13th behind it.
        let (_, fields) = stat.rsplit_once(')').ok_or("no process")?;
        let ticks = |field: Option<&str>| field.and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        let mut fields = fields.split_whitespace().skip(11);
        let cpu_seconds = (ticks(fields.next()) + ticks(fields.next())) / TICKS_PER_SECOND;
        let puts = match &self.metrics {
            Some(address) => Some(puts(address).await?),
            None => None,
        };
        Ok(Look { at: Instant::now(), cpu_seconds, puts })
    }

    pub fn rss_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib =
            line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<f64>().ok());
        kib.unwrap_or(0.0) / 1024.0
    }

    /// What happened since `before`, as one line.
    pub async fn since(&self, before: &Look) -> Outcome<String> {
        let now = self.look().await?;
        let seconds = now.at.duration_since(before.at).as_secs_f64();
        let core = 100.0 * (now.cpu_seconds - before.cpu_seconds) / seconds;
        let puts = match (now.puts, before.puts) {
            (Some(now), Some(before)) => format!(", {:.0} PUTs", now - before),
            _ => String::new(),
        };
        Ok(format!("{seconds:.0} s, {core:.1} % of a core{puts}, RSS {:.0} MiB", self.rss_mib()))
    }
}

/// How many PUTs the broker has made.
async fn puts(address: &str) -> Outcome<f64> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let wanted = |line: &&str| {
        line.starts_with("kafkaesque_object_store_requests_total{") && line.contains("kind=\"put\"")
    };
    let values = text.lines().filter(wanted).filter_map(|line| line.rsplit_once(' '));
    Ok(values.filter_map(|(_, value)| value.trim().parse::<f64>().ok()).sum())
}

/// Latencies of one kind of request.
#[derive(Default)]
pub struct Latencies(Mutex<Vec<Duration>>);

impl Latencies {
    pub fn add(&self, latency: Duration) {
        self.0.lock().push(latency);
    }

    /// Count and percentiles of what was added since the last call.
    pub fn take(&self) -> String {
        let mut all = std::mem::take(&mut *self.0.lock());
        all.sort_unstable();
        let Some(longest) = all.last() else { return "none".to_owned() };
        let at = |percent: usize| all[(all.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        format!(
            "{} with p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
            all.len(),
            at(50),
            at(99),
            longest.as_secs_f64() * 1e3
        )
    }
}
