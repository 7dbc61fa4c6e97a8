//! The metrics of the process as Prometheus reads them.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge, Opts, Registry, TextEncoder};

use super::process::Process;
use super::readiness::Readiness;
use crate::runtime::Tasks;

/// All metrics of a registry as text.
pub(super) fn encode(registry: &Registry) -> Result<String, prometheus::Error> {
    TextEncoder::new().encode_to_string(&registry.gather())
}

/// Adds memory, processor time and open files of this process, looked up when asked for.
pub fn register_process_metrics(registry: &Registry) -> Result<(), prometheus::Error> {
    registry.register(Box::new(ProcessCollector::new()?))
}

/// Adds the number of background tasks that run.
pub fn register_task_metrics(registry: &Registry, tasks: Tasks) -> Result<(), prometheus::Error> {
    let running = IntGauge::new("kafkaesque_tasks", "Background tasks that run.")?;
    registry.register(Box::new(TaskCollector { tasks, running }))
}

/// Adds what was built, and whether it serves.
pub fn register_readiness_metrics(
    registry: &Registry,
    readiness: Readiness,
    tasks: Tasks,
) -> Result<(), prometheus::Error> {
    let build = Opts::new("kafkaesque_build_info", "1, with what was built as labels.")
        .const_label("version", env!("CARGO_PKG_VERSION"))
        .const_label("profile", if cfg!(debug_assertions) { "debug" } else { "release" });
    let build = IntGauge::with_opts(build)?;
    build.set(1);
    registry.register(Box::new(build))?;
    let ready = IntGauge::new("kafkaesque_ready", "1 if clients should be sent here, else 0.")?;
    let unable = IntGauge::new("kafkaesque_shards_unable", "Shards of this broker that cannot serve.")?;
    registry.register(Box::new(ReadinessCollector { readiness, tasks, ready, unable }))
}

struct ReadinessCollector {
    readiness: Readiness,
    tasks: Tasks,
    ready: IntGauge,
    unable: IntGauge,
}

impl Collector for ReadinessCollector {
    fn desc(&self) -> Vec<&Desc> {
        [&self.ready, &self.unable].into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let report = self.readiness.report(self.tasks.failure());
        self.ready.set(report.is_ready.into());
        self.unable.set(i64::try_from(report.unable.len()).unwrap_or(i64::MAX));
        [&self.ready, &self.unable].into_iter().flat_map(Collector::collect).collect()
    }
}

struct TaskCollector {
    tasks: Tasks,
    running: IntGauge,
}

impl Collector for TaskCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.running.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.running.set(i64::try_from(self.tasks.running()).unwrap_or(i64::MAX));
        self.running.collect()
    }
}

/// Reads one number of a look at the process.
type Reading = fn(&Process) -> f64;

struct ProcessCollector {
    cpu: Counter,
    gauges: Vec<(Gauge, Reading)>,
}

impl ProcessCollector {
    fn new() -> Result<ProcessCollector, prometheus::Error> {
        let cpu = Counter::new("process_cpu_seconds_total", "User and system processor time in seconds.")?;
        let gauge =
            |name: &str, help: &str, value: Reading| Gauge::new(name, help).map(|gauge| (gauge, value));
        let gauges = vec![
            gauge("process_resident_memory_bytes", "Resident memory in bytes.", |p| p.resident_bytes as f64)?,
            gauge("process_resident_memory_peak_bytes", "Highest resident memory so far in bytes.", |p| {
                p.peak_resident_bytes as f64
            })?,
            gauge("process_threads", "Threads.", |p| p.threads as f64)?,
            gauge("process_open_fds", "Open file descriptors.", |p| p.open_files as f64)?,
            gauge("process_max_fds", "Limit of open file descriptors.", |p| p.max_files as f64)?,
            gauge(
                "process_start_time_seconds",
                "When the process started, in seconds since the Unix epoch.",
                |p| p.start_seconds,
            )?,
        ];
        Ok(ProcessCollector { cpu, gauges })
    }
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        let gauges = self.gauges.iter().flat_map(|(gauge, _)| gauge.desc());
        self.cpu.desc().into_iter().chain(gauges).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(process) = Process::read() else { return Vec::new() };
        self.cpu.inc_by((process.cpu_seconds - self.cpu.get()).max(0.0));
        let mut families = self.cpu.collect();
        for (gauge, value) in &self.gauges {
            gauge.set(value(&process));
            families.extend(gauge.collect());
        }
        families
    }
}
