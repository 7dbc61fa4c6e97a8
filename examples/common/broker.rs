//! What a broker has used so far, as the operating system and its own metrics say.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Ticks per second of the times in `/proc/<pid>/stat`: `USER_HZ`, 100 on every machine that this runs on.
const TICKS_PER_SECOND: f64 = 100.0;
const REQUESTS: &str = "kafkaesque_object_store_requests_total{";

#[derive(Clone, Copy, Debug)]
pub struct Process {
    pub user_seconds: f64,
    pub system_seconds: f64,
    pub resident_bytes: f64,
    /// Since the process began.
    pub peak_bytes: f64,
}

impl Process {
    pub fn look(pid: u32) -> Outcome<Process> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        // The name, in parentheses, may hold anything; user and system time are the 12th and 13th behind it.
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut seconds = || -> Outcome<f64> {
            Ok(ticks.next().ok_or("no processor time in /proc")?? as f64 / TICKS_PER_SECOND)
        };
        let (user_seconds, system_seconds) = (seconds()?, seconds()?);
        let bytes = |name: &str| -> Outcome<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no memory in /proc")?;
            let kib: f64 = line.split_whitespace().next().ok_or("no memory in /proc")?.parse()?;
            Ok(kib * 1024.0)
        };
        let (resident_bytes, peak_bytes) = (bytes("VmRSS:")?, bytes("VmHWM:")?);
        Ok(Process { user_seconds, system_seconds, resident_bytes, peak_bytes })
    }
}

/// Requests to the object store so far, by the labels of the counter, from the metrics at `host:port`.
pub fn store_requests(address: &str) -> Outcome<BTreeMap<String, f64>> {
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
