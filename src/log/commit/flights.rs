//! Commits between their writing and their landing, oldest first, and how far apart they start.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::gathering::Gathering;
use super::plan::Plan;
use super::request::Work;
use crate::runtime::clock::Instant;

/// A landing counts for one part in so many of what a landing is taken to last.
const SMOOTHING: u32 = 4;

/// A commit that is written and not known to be durable.
pub(super) struct Flight {
    pub plan: Plan,
    /// The payload of its segment.
    pub chunks: Vec<Bytes>,
    pub started: Instant,
    /// Told once its segment and all before it are durable. A commit of refusals alone has no segment: it only waits for
    /// its turn, since what it refuses may rest on commits before it.
    pub durable: Option<oneshot::Receiver<()>>,
}

/// A commit failed for good: nothing behind it may be answered either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost;

/// Commits leave this queue in the order in which they entered it, however their PUTs overtake each other.
#[derive(Default)]
pub(super) struct Flights {
    queue: VecDeque<Flight>,
    /// When the last segment was started.
    last_start: Option<Instant>,
    /// The time that a segment takes to land, more or less.
    landing: Duration,
}

impl Flights {
    pub fn push(&mut self, flight: Flight) {
        if flight.durable.is_some() {
            self.last_start = Some(flight.started);
        }
        self.queue.push_back(flight);
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The oldest commit, once it is durable; for ever, if there is none. Nothing is lost if the caller stops waiting.
    pub async fn landed(&mut self) -> Result<Flight, Lost> {
        let Some(first) = self.queue.front_mut() else { return std::future::pending().await };
        if let Some(durable) = &mut first.durable {
            durable.await.map_err(|_| Lost)?;
        }
        self.queue.pop_front().ok_or(Lost)
    }

    /// Notes how long a segment took.
    pub fn observe(&mut self, took: Duration) {
        self.landing = match self.landing {
            Duration::ZERO => took,
            before => (before * (SMOOTHING - 1) + took) / SMOOTHING,
        };
    }

    /// When a segment that is not full may be started, with `window` of them in flight at most and `interval` between
    /// two starts at least. Starts are spread evenly over the time that one is in flight: so what comes while the window
    /// is open gathers, and whatever comes then does not find the window closed by segments that hold next to nothing.
    pub fn next_start(&self, window: u16, interval: Duration) -> Option<Instant> {
        let spacing = match self.queue.is_empty() {
            true => Duration::ZERO,
            false => self.landing / u32::from(window.max(1)),
        };
        self.last_start.map(|last| last + interval.max(spacing))
    }
}

/// Work that was received and not looked at, oldest first.
#[derive(Default)]
pub(super) struct Backlog {
    works: VecDeque<Work>,
    bytes: usize,
    /// The append that came last said that another is on its way.
    more_to_come: bool,
    /// The record of waits for it: they go on while they pay.
    pub gathering: Gathering,
}

impl Backlog {
    pub fn push_back(&mut self, work: Work) {
        self.more_to_come = matches!(&work, Work::Append(append, _) if append.more_to_come);
        self.bytes += work.bytes();
        self.works.push_back(work);
    }

    pub fn push_front(&mut self, work: Work) {
        self.bytes += work.bytes();
        self.works.push_front(work);
    }

    pub fn pop_front(&mut self) -> Option<Work> {
        let work = self.works.pop_front()?;
        self.bytes -= work.bytes();
        Some(work)
    }

    pub fn is_empty(&self) -> bool {
        self.works.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn more_to_come(&self) -> bool {
        self.more_to_come
    }
}
