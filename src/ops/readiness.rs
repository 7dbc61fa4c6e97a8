//! Whether the broker should be sent clients.

use std::sync::Arc;

use parking_lot::Mutex;

/// Where the broker is between its start and its end.
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

/// The broker's phase, set by the one that starts and stops it. Cheap to clone; clones are one.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<Mutex<Phase>>);

impl Readiness {
    /// Starting, and waiting for `reason`.
    pub fn starting(reason: impl Into<String>) -> Readiness {
        Readiness(Arc::new(Mutex::new(Phase::Starting(reason.into()))))
    }

    pub fn set(&self, phase: Phase) {
        *self.0.lock() = phase;
    }

    pub fn phase(&self) -> Phase {
        self.0.lock().clone()
    }
}
