//! What a run costs: the broker's processor time and memory, its requests to the object store, and latencies.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use broker_usage::{Outcome, Process, store_requests};

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
    process: Process,
    puts: Option<f64>,
}

impl Look {
    fn now(watched: &Watched) -> Outcome<Look> {
        let process = Process::look(watched.process)?;
        let requests = watched.metrics.as_deref().map(store_requests).transpose()?;
        let puts = requests.map(|requests| requests.get("kind=put").copied().unwrap_or(0.0));
        Ok(Look { at: Instant::now(), process, puts })
    }

    fn cpu_seconds(&self) -> f64 {
        self.process.user_seconds + self.process.system_seconds
    }

    pub fn rss_mib(&self) -> f64 {
        self.process.resident_bytes / f64::from(1 << 20)
    }
}

impl Watched {
    pub async fn look(&self) -> Outcome<Look> {
        let watched = self.clone();
        tokio::task::spawn_blocking(move || Look::now(&watched)).await?
    }

    /// What happened since `before`, as one line.
    pub async fn since(&self, before: &Look) -> Outcome<String> {
        let now = self.look().await?;
        let seconds = now.at.duration_since(before.at).as_secs_f64();
        let core = 100.0 * (now.cpu_seconds() - before.cpu_seconds()) / seconds;
        let puts = match (now.puts, before.puts) {
            (Some(now), Some(before)) => format!(", {:.0} PUTs", now - before),
            _ => String::new(),
        };
        Ok(format!("{seconds:.0} s, {core:.1} % of a core{puts}, RSS {:.0} MiB", now.rss_mib()))
    }
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
