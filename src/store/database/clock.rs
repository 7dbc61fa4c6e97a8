//! The clock of the databases: it never runs backwards, and is never behind a time that is stored.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use slatedb_common::clock::{SystemClock, SystemClockTicker};

use crate::runtime::Clock;
use crate::runtime::clock::Instant;

/// SlateDB ends a database whose clock is behind the last time that it stored; the wall clock of a machine is, when it is
/// set back, or behind that of the shard's previous owner. So this clock is the wall clock at its making plus a monotone
/// clock's advance, and jumps forward, once, to any later time that is found stored.
#[derive(Debug)]
pub struct DatabaseClock {
    clock: Clock,
    started: Instant,
    /// Milliseconds since the Unix epoch at `started`; only ever raised.
    base_ms: AtomicI64,
}

impl DatabaseClock {
    pub fn new(clock: Clock) -> DatabaseClock {
        let base_ms = AtomicI64::new(clock.now_ms());
        DatabaseClock { started: clock.instant(), clock, base_ms }
    }

    /// Milliseconds since the Unix epoch, by this clock.
    pub fn now_ms(&self) -> i64 {
        self.base_ms.load(Ordering::Acquire).saturating_add(self.elapsed_ms())
    }

    /// Makes this clock at least `time_ms` from now on.
    pub fn raise(&self, time_ms: i64) {
        self.base_ms.fetch_max(time_ms.saturating_sub(self.elapsed_ms()), Ordering::AcqRel);
    }

    fn elapsed_ms(&self) -> i64 {
        let elapsed = self.clock.instant().duration_since(self.started);
        i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
    }
}

impl SystemClock for DatabaseClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.now_ms()).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn sleep<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.clock.sleep(duration))
    }

    fn ticker<'a>(&'a self, duration: Duration) -> SystemClockTicker<'a> {
        SystemClockTicker::new(self, duration)
    }
}
