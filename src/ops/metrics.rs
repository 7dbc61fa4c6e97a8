//! The metrics of the process as Prometheus reads them.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge, Registry, TextEncoder};

use super::process::Process;
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
type Reading = fn(&Process) -> u64;

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
            gauge("process_resident_memory_bytes", "Resident memory in bytes.", |p| p.resident_bytes)?,
            gauge("process_resident_memory_peak_bytes", "Highest resident memory so far in bytes.", |p| {
                p.peak_resident_bytes
            })?,
            gauge("process_threads", "Threads.", |p| p.threads)?,
            gauge("process_open_fds", "Open file descriptors.", |p| p.open_files)?,
            gauge("process_max_fds", "Limit of open file descriptors.", |p| p.max_files)?,
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
            gauge.set(value(&process) as f64);
            families.extend(gauge.collect());
        }
        families
    }
}
