//! The last takeover that a controller has seen, by its phases. Pure: time is an argument.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::liveness::Cause;
use super::losses::Lost;
use crate::runtime::clock::Instant;

/// The last takeover in the term of a controller, if there was any.
#[derive(Debug, Default)]
pub struct LastTakeover(Option<Takeover>);

#[derive(Debug)]
struct Takeover {
    cause: Cause,
    silence: Duration,
    given_up: Instant,
    /// From then until the last shard had an owner that lives, and until all were open.
    assigned: Option<Duration>,
    open: Option<Duration>,
}

/// A takeover, for people and their scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeoverStatus {
    /// Why the owner was given up: `left`, `refused`, `silent`, `stuck` or `replaced`.
    pub cause: String,
    pub ago_ms: u64,
    /// From its last word until it was given up.
    pub detected_ms: u64,
    /// From then until its last shard had another owner.
    pub assigned_ms: Option<u64>,
    /// From then until all shards were open.
    pub open_ms: Option<u64>,
}

impl LastTakeover {
    /// Takes what was lost since the last look; `is_settled` says that every shard is open at its owner.
    pub fn look(&mut self, lost: &Lost, is_settled: bool, now: Instant) {
        // From a broker that had nothing, nothing is taken.
        if let Some((cause, silence)) = lost.ended.first().filter(|_| lost.orphaned > 0) {
            let silence = silence.unwrap_or_default();
            let (assigned, open) = (None, None);
            self.0 = Some(Takeover { cause: *cause, silence, given_up: now, assigned, open });
        }
        let Some(last) = self.0.as_mut().filter(|last| last.open.is_none()) else { return };
        let since = now.saturating_duration_since(last.given_up);
        if !lost.assigned.is_empty() {
            last.assigned = Some(since);
        }
        if last.assigned.is_some() && lost.orphaned == 0 && is_settled {
            last.open = Some(since);
        }
    }

    pub fn status(&self, now: Instant) -> Option<TakeoverStatus> {
        let last = self.0.as_ref()?;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Some(TakeoverStatus {
            cause: last.cause.word().to_owned(),
            ago_ms: millis(now.saturating_duration_since(last.given_up)),
            detected_ms: millis(last.silence),
            assigned_ms: last.assigned.map(millis),
            open_ms: last.open.map(millis),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;

    #[tokio::test(start_paused = true)]
    async fn a_takeover_is_over_when_all_shards_are_open() {
        let start = Clock::simulated(0).instant();
        let at = |millis| start + Duration::from_millis(millis);
        let mut last = LastTakeover::default();
        last.look(&Lost::default(), true, at(0));
        assert_eq!(last.status(at(0)), None);
        let ended = vec![(Cause::Refused, Some(Duration::from_millis(510)))];
        last.look(&Lost { ended, assigned: Vec::new(), orphaned: 2 }, true, at(100));
        let assigned = |orphaned| Lost { assigned: vec![Duration::ZERO], orphaned, ..Lost::default() };
        last.look(&assigned(1), false, at(120));
        last.look(&assigned(0), false, at(130));
        last.look(&Lost::default(), false, at(200));
        last.look(&Lost::default(), true, at(250));
        last.look(&assigned(0), true, at(900));
        let returned = vec![(Cause::Replaced, None)];
        last.look(&Lost { ended: returned, ..Lost::default() }, true, at(950));
        let told = last.status(at(1100)).expect("a takeover");
        let (assigned_ms, open_ms) = (Some(30), Some(150));
        let expected = TakeoverStatus {
            cause: "refused".to_owned(),
            ago_ms: 1000,
            detected_ms: 510,
            assigned_ms,
            open_ms,
        };
        assert_eq!(told, expected);
    }
}
