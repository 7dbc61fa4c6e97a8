//! Brokers that live, and are to give everything away. Pure: time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::metadata::Owner;
use crate::runtime::clock::Instant;
use crate::types::BrokerId;

/// The time for which a broker stays away from shards once that was asked for: whoever wants it gone asks again and again, and
/// may have gone away.
const LASTS: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub struct Drains {
    /// The last time that it was asked for.
    asked: BTreeMap<Owner, Instant>,
}

impl Drains {
    pub fn ask(&mut self, owner: Owner, now: Instant) {
        self.asked.insert(owner, now);
    }

    /// The broker stays.
    pub fn end(&mut self, broker: BrokerId) {
        self.asked.retain(|owner, _| owner.broker != broker);
    }

    pub fn has(&self, owner: Owner, now: Instant) -> bool {
        self.asked.get(&owner).is_some_and(|asked| now.duration_since(*asked) < LASTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;
    use crate::types::Incarnation;

    #[test]
    fn a_drain_lasts_while_it_is_asked_for_and_ends_when_the_broker_stays() {
        let start = Clock::simulated(0).instant();
        let owner = |incarnation| Owner { broker: BrokerId(1), incarnation: Incarnation(incarnation) };
        let mut drains = Drains::default();
        drains.ask(owner(1), start);
        drains.ask(owner(1), start + LASTS / 2);
        assert!(drains.has(owner(1), start + LASTS));
        assert!(!drains.has(owner(2), start + LASTS), "it has started anew");
        assert!(!drains.has(owner(1), start + LASTS * 2));
        drains.end(BrokerId(2));
        assert!(drains.has(owner(1), start + LASTS));
        drains.end(BrokerId(1));
        assert!(!drains.has(owner(1), start + LASTS));
    }
}
