//! The calm before a shard moves for balance. Pure: time is an argument.

use std::time::Duration;

use crate::runtime::clock::Instant;

/// Calm that is waited for: clients that could not reach a broker look for it again after ten seconds at most
/// (librdkafka's `reconnect.backoff.max.ms`), and would miss a shard on it until then.
const AFTER_TROUBLE: Duration = Duration::from_secs(10);
/// The same after another shard has moved for balance.
const AFTER_A_MOVE: Duration = Duration::from_secs(1);

/// Calm before shards move for what they carry: by then averages of it have forgotten how it was before.
const LONG: Duration = Duration::from_secs(300);
/// Between two looks at what they carry: comparing all pairs takes its time.
const WEIGH_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Calm {
    since: Option<Instant>,
    weighed: Option<Instant>,
    follows_a_move: bool,
}

impl Calm {
    /// Brokers come or go.
    pub fn trouble(&mut self) {
        *self = Calm::default();
    }

    /// A shard is on its way to balance.
    pub fn a_move(&mut self) {
        *self = Calm { follows_a_move: true, ..Calm::default() };
    }

    /// Shards are being opened.
    pub fn opening(&mut self) {
        self.since = None;
    }

    /// True if a shard may move: nothing has happened for long enough, and does not now.
    pub fn lasts(&mut self, now: Instant) -> bool {
        let wait = if self.follows_a_move { AFTER_A_MOVE } else { AFTER_TROUBLE };
        now.duration_since(*self.since.get_or_insert(now)) >= wait
    }

    /// True if it lasts for minutes, and nobody was told so a moment ago.
    pub fn lasts_long(&mut self, now: Instant) -> bool {
        let is_due = |at: Option<Instant>, after| at.is_some_and(|at| now.duration_since(at) >= after);
        let is_long = is_due(self.since, LONG);
        let is_next = self.weighed.is_none() || is_due(self.weighed, WEIGH_EVERY);
        if is_long && is_next {
            self.weighed = Some(now);
        }
        is_long && is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;

    #[tokio::test(start_paused = true)]
    async fn moves_follow_each_other_faster_than_trouble() {
        let start = Clock::simulated(0).instant();
        let after = |millis| start + Duration::from_millis(millis);
        let mut calm = Calm::default();
        assert!(!calm.lasts_long(after(400_000)) && !calm.lasts(after(0)));
        assert!(!calm.lasts(after(9_999)));
        assert!(calm.lasts(after(10_000)));
        calm.a_move();
        calm.opening();
        assert!(!calm.lasts(after(10_100)));
        assert!(!calm.lasts(after(11_099)));
        assert!(calm.lasts(after(11_100)));
        calm.opening();
        assert!(!calm.lasts(after(11_200)));
        calm.trouble();
        assert!(!calm.lasts(after(12_000)));
        assert!(!calm.lasts(after(21_999)));
        assert!(calm.lasts(after(22_000)));
        assert!(!calm.lasts_long(after(311_999)) && calm.lasts_long(after(312_000)));
        assert!(!calm.lasts_long(after(316_999)), "it was told a moment ago");
        assert!(calm.lasts_long(after(317_000)) && !calm.lasts_long(after(317_001)));
        calm.a_move();
        assert!(!calm.lasts_long(after(700_000)), "another move is as far away");
    }
}
