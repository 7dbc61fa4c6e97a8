//! Readiness: whether the broker should be sent clients.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

/// The stage of the broker between its start and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not yet serving; the text says what it waits for.
    Starting(String),
    Ready,
    /// No longer taking clients; the text says why.
    Stopping(String),
}

impl Phase {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Phase::Starting(_) => "starting",
            Phase::Ready => "ready",
            Phase::Stopping(_) => "stopping",
        }
    }

    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Phase::Starting(reason) | Phase::Stopping(reason) => Some(reason),
            Phase::Ready => None,
        }
    }
}

/// A shard that is assigned to this broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardState {
    pub name: String,
    /// Why it cannot serve, if it cannot.
    pub unable: Option<String>,
}

/// Tells of all shards of this broker. Called for every request, so it must be cheap.
pub type ShardStates = Box<dyn Fn() -> Vec<ShardState> + Send + Sync>;

/// The broker's phase, set by the one that starts and stops it, and its shards. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

struct Inner {
    phase: Mutex<Phase>,
    shards: OnceLock<ShardStates>,
}

/// A report to whoever asks whether clients should be sent here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub is_ready: bool,
    pub status: &'static str,
    pub reason: Option<String>,
    /// The shards that cannot serve, by name, and why.
    pub unable: BTreeMap<String, String>,
}

impl Readiness {
    /// Starting, and waiting for `reason`.
    pub fn starting(reason: impl Into<String>) -> Readiness {
        let phase = Mutex::new(Phase::Starting(reason.into()));
        Readiness(Arc::new(Inner { phase, shards: OnceLock::new() }))
    }

    pub fn set(&self, phase: Phase) {
        *self.0.phase.lock() = phase;
    }

    /// From now on the broker is ready only if one of its shards is. The first call counts.
    pub fn set_shards(&self, shards: ShardStates) {
        let _ = self.0.shards.set(shards);
    }

    pub fn phase(&self) -> Phase {
        self.0.phase.lock().clone()
    }

    /// Ready is that the broker serves, and some shard of it can; a broker that failed is not.
    pub(super) fn report(&self, failure: Option<String>) -> Report {
        let phase = self.phase();
        let shards = match (&phase, self.0.shards.get()) {
            (Phase::Ready, Some(shards)) => shards(),
            _ => Vec::new(),
        };
        let all = shards.len();
        let unable: BTreeMap<String, String> =
            shards.into_iter().filter_map(|shard| Some((shard.name, shard.unable?))).collect();
        let none_serves = all > 0 && unable.len() == all;
        let status = if none_serves { "unable" } else { phase.name() };
        let reason = failure.or_else(|| phase.reason().map(str::to_owned));
        let is_ready = reason.is_none() && !none_serves;
        Report { is_ready, status, reason: reason.or_else(|| told(none_serves, &unable)), unable }
    }
}

fn told(none_serves: bool, unable: &BTreeMap<String, String>) -> Option<String> {
    let (name, cause) = unable.first_key_value()?;
    match (none_serves, unable.len()) {
        (false, _) => None,
        (true, 1) => Some(format!("{name} cannot serve: {cause}")),
        (true, _) => Some(format!("no shard can serve; {name}: {cause}")),
    }
}
