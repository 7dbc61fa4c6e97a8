//! What a broker used, as the operating system and its own metrics say.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Map, Value, json};

use crate::load::Outcome;

/// Ticks per second of the times in `/proc/<pid>/stat`.
const TICKS_PER_SECOND: f64 = 100.0;
const REQUESTS: &str = "kafkaesque_object_store_requests_total{";

/// The state at one moment; what was not asked for is empty.
#[derive(Clone, Debug, Default)]
pub struct Look {
    process: Option<Process>,
    requests: Option<BTreeMap<String, f64>>,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    user_seconds: f64,
    system_seconds: f64,
    resident_mb: f64,
    /// Since the process began.
    peak_mb: f64,
}

impl Look {
    pub fn at(pid: Option<u32>, metrics: Option<&str>) -> Outcome<Look> {
        Ok(Look { process: pid.map(process).transpose()?, requests: metrics.map(requests).transpose()? })
    }

    pub fn since(&self, before: &Look, gb: f64) -> Value {
        let mut used = Map::new();
        if let (Some(now), Some(then)) = (self.process, before.process) {
            let (user, system) =
                (now.user_seconds - then.user_seconds, now.system_seconds - then.system_seconds);
            used.insert("user_cpu_seconds".into(), json!(user));
            used.insert("system_cpu_seconds".into(), json!(system));
            if gb > 0.0 {
                used.insert("user_cpu_seconds_per_gb".into(), json!(user / gb));
                used.insert("system_cpu_seconds_per_gb".into(), json!(system / gb));
            }
            used.insert("resident_mb".into(), json!(now.resident_mb));
            used.insert("peak_resident_mb".into(), json!(now.peak_mb));
        }
        if let (Some(now), Some(then)) = (&self.requests, &before.requests) {
            let more = now.iter().map(|(kind, count)| (kind, count - then.get(kind).copied().unwrap_or(0.0)));
            let more: BTreeMap<_, _> = more.collect();
            used.insert("object_store_requests".into(), json!(more));
        }
        Value::Object(used)
    }
}

fn process(pid: u32) -> Outcome<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    // The name, in parentheses, may hold spaces.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
    let mut seconds = || -> Outcome<f64> {
        Ok(ticks.next().ok_or("no processor time in /proc")?? as f64 / TICKS_PER_SECOND)
    };
    let (user_seconds, system_seconds) = (seconds()?, seconds()?);
    let mb = |name: &str| -> Outcome<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no memory in /proc")?;
        let kib: f64 = line.split_whitespace().next().ok_or("no memory in /proc")?.parse()?;
        Ok(kib * 1024.0 / 1e6)
    };
    Ok(Process { user_seconds, system_seconds, resident_mb: mb("VmRSS:")?, peak_mb: mb("VmHWM:")? })
}

/// Requests to the object store so far, by the labels of the counter.
fn requests(address: &str) -> Outcome<BTreeMap<String, f64>> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    if !text.starts_with("HTTP/1.1 200") {
        return Err(format!("metrics: {}", text.lines().next().unwrap_or("no answer")).into());
    }
    let counter = |line: &str| {
        let (labels, value) = line.strip_prefix(REQUESTS)?.split_once("} ")?;
        Some((labels.replace('"', ""), value.trim().parse().ok()?))
    };
    Ok(text.lines().filter_map(counter).collect())
}
