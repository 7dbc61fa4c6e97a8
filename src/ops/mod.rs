//! An operator's view: logs, metrics, and the health of the process over HTTP.
//! It knows no layer that it reports on: they register metrics, and the broker tells it its state and summary.
//! Entry point: [`log_to_stderr`], [`Readiness`], [`Http`].
//! Invariant: nothing here changes the broker.

mod http;
mod listener;
mod metrics;
mod page;
mod probe;
mod process;
mod readiness;
#[cfg(test)]
mod tests;
mod tracing;
mod wire;

pub use http::{Http, Look, Summary};
pub use metrics::{register_process_metrics, register_readiness_metrics, register_task_metrics};
pub use probe::{ProbeError, Question, probe};
pub use readiness::{Phase, Readiness, ShardState, ShardStates};
pub use tracing::{LogError, check_filter, log_to_stderr};
