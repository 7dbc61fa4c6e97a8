//! Refusals of batches on one connection.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::runtime::Clock;
use crate::runtime::clock::Instant;

/// The time for which what was on its way behind a refused batch may still come.
const STILL_COMING: Duration = Duration::from_secs(10);

/// The time at which a batch was refused last for a reason that passes by itself. Producers have several requests unanswered: what
/// is behind the refused one must not be taken for a gap, and not be taken before that is sent again. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Refusals(Arc<Mutex<Option<Instant>>>);

impl Refusals {
    pub fn note(&self, clock: &Clock) {
        *self.0.lock() = Some(clock.instant());
    }

    /// True if something may be on its way whose predecessor was refused.
    pub fn are_recent(&self, clock: &Clock) -> bool {
        self.0.lock().is_some_and(|refused| clock.instant().saturating_duration_since(refused) < STILL_COMING)
    }
}
