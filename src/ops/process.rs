//! The operating system's word on this process, where it has a `/proc`.

use std::fs;

/// Ticks per second of the times in `/proc/self/stat`: `USER_HZ`, 100 on every architecture that we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// A look at the process.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Process {
    pub resident_bytes: u64,
    pub peak_resident_bytes: u64,
    pub cpu_seconds: f64,
    /// Since the Unix epoch.
    pub start_seconds: f64,
    pub threads: u64,
    pub open_files: u64,
    pub max_files: u64,
}

impl Process {
    /// None where there is no `/proc`.
    pub fn read() -> Option<Process> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        // The listing itself has a file open.
        let open_files = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as u64;
        let system = fs::read_to_string("/proc/stat").ok()?;
        let kib = |name: &str| status_number(&status, name).unwrap_or(0) * 1024;
        Some(Process {
            resident_bytes: kib("VmRSS:"),
            peak_resident_bytes: kib("VmHWM:"),
            cpu_seconds: cpu_seconds(&stat).unwrap_or(0.0),
            start_seconds: start_seconds(&stat, &system).unwrap_or(0.0),
            threads: status_number(&status, "Threads:").unwrap_or(0),
            open_files,
            max_files: max_files(&limits).unwrap_or(0),
        })
    }
}

fn status_number(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// User and system time; their fields are the 14th and 15th, and the second, the name in parentheses, may hold spaces.
pub(super) fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = after_name(stat)?.skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

/// The start of the process, the 22nd field, counts from the system's, which `/proc/stat` says.
pub(super) fn start_seconds(stat: &str, system: &str) -> Option<f64> {
    let ticks: u64 = after_name(stat)?.nth(19)?.parse().ok()?;
    let booted = system.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(booted.trim().parse::<f64>().ok()? + ticks as f64 / TICKS_PER_SECOND)
}

fn after_name(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
    Some(stat[stat.rfind(')')? + 1..].split_whitespace())
}

fn max_files(limits: &str) -> Option<u64> {
    let rest = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    rest.split_whitespace().next()?.parse().ok()
}
