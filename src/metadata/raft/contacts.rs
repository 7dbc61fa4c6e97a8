//! Contacts among voters: the leader with its voters, and the voters with their leader. Out of memory alone, so that a slow
//! store ends nobody's leadership.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::electorate::Electorate;
use crate::runtime::Clock;
use crate::runtime::clock::Instant;
use crate::types::BrokerId;

/// Contacts of one voter.
pub(super) struct Contacts {
    clock: Clock,
    known: Mutex<Known>,
    /// Somebody waits for the agreement of a majority.
    wanted: Notify,
}

struct Known {
    /// The last word of a leader; before the first one, the start of this process.
    heard: Instant,
    /// The leader whose machine refuses connections, and since when, if nothing was heard since.
    gone_leader: Option<(BrokerId, Instant)>,
    /// The term in which this broker leads or led last, and since when.
    term: u64,
    leads_since: Instant,
    peers: BTreeMap<BrokerId, Peer>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    /// The sending time of the last beat of this term that it agreed to.
    agreed: Option<Instant>,
    refuses_since: Option<Instant>,
}

impl Contacts {
    pub(super) fn new(clock: Clock) -> Contacts {
        let now = clock.instant();
        let known =
            Known { heard: now, gone_leader: None, term: 0, leads_since: now, peers: BTreeMap::new() };
        Contacts { clock, known: Mutex::new(known), wanted: Notify::new() }
    }

    /// Has the leader's next beats go out now.
    pub(super) fn want_beats(&self) {
        self.wanted.notify_waiters();
    }

    pub(super) async fn beats_wanted(&self) {
        self.wanted.notified().await;
    }

    /// The leader has called.
    pub(super) fn hear_leader(&self) {
        let mut known = self.known.lock();
        known.heard = self.clock.instant();
        known.gone_leader = None;
    }

    /// The machine of the leader refuses connections.
    pub(super) fn leader_is_gone(&self, leader: BrokerId) {
        let now = self.clock.instant();
        let mut known = self.known.lock();
        known.gone_leader = known.gone_leader.filter(|(gone, _)| *gone == leader).or(Some((leader, now)));
    }

    /// The time since a leader was heard, and whether its process is known to be gone.
    pub(super) fn silence(&self) -> (Duration, bool) {
        let known = self.known.lock();
        (self.clock.instant().saturating_duration_since(known.heard), known.gone_leader.is_some())
    }

    /// This broker leads in `term`.
    pub(super) fn lead(&self, term: u64) {
        let mut known = self.known.lock();
        known.heard = self.clock.instant();
        if known.term != term {
            known.term = term;
            known.leads_since = self.clock.instant();
            known.peers.clear();
            // The leader before is as it was.
            if let Some((gone, since)) = known.gone_leader.take() {
                known.peers.insert(gone, Peer { agreed: None, refuses_since: Some(since) });
            }
        }
    }

    /// A voter agreed, to what was sent at `sent`, that this broker leads in `term`.
    pub(super) fn agreed(&self, peer: BrokerId, term: u64, sent: Instant) {
        let mut known = self.known.lock();
        if known.term == term {
            known.peers.insert(peer, Peer { agreed: Some(sent), refuses_since: None });
        }
    }

    pub(super) fn missed(&self, peer: BrokerId, is_refused: bool) {
        let now = self.clock.instant();
        let mut known = self.known.lock();
        let peer = known.peers.entry(peer).or_default();
        peer.refuses_since = is_refused.then(|| peer.refuses_since.unwrap_or(now));
    }

    /// The time since a peer is known to have agreed that this broker leads in `term`.
    pub(super) fn heard_of(&self, peer: BrokerId, term: u64) -> Option<Duration> {
        let known = self.known.lock();
        let agreed = known.peers.get(&peer).filter(|_| known.term == term)?.agreed?;
        Some(self.clock.instant().saturating_duration_since(agreed))
    }

    /// The time for which the machine of a peer has refused connections, by what its leader sees.
    pub(super) fn refuses_for(&self, peer: BrokerId) -> Option<Duration> {
        let since = self.known.lock().peers.get(&peer)?.refuses_since?;
        Some(self.clock.instant().saturating_duration_since(since))
    }

    /// The last moment at which a majority of the voters is known to have agreed that this broker leads in `term`.
    pub(super) fn majority_agreed(&self, term: u64, voters: &Electorate) -> Option<Instant> {
        let now = self.clock.instant();
        let known = self.known.lock();
        let agreed = |id| known.peers.get(&id).filter(|_| known.term == term)?.agreed;
        voters.agreed(now, agreed)
    }

    /// True if a leader in `term` may go on leading: a majority has agreed, or it was elected, within `session`.
    pub(super) fn may_lead(&self, term: u64, voters: &Electorate, session: Duration) -> bool {
        let since = {
            let known = self.known.lock();
            // A term that nobody has looked at yet has only begun.
            (known.term == term).then_some(known.leads_since)
        };
        let Some(since) = since else { return true };
        let last = self.majority_agreed(term, voters).map_or(since, |agreed| agreed.max(since));
        self.clock.instant().saturating_duration_since(last) < session
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Duration = Duration::from_secs(3);

    fn voters(count: i32) -> Electorate {
        Electorate::new(BrokerId(0), vec![(0..count).map(BrokerId).collect()])
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_without_a_majority_leads_for_a_session() {
        let clock = Clock::simulated(0);
        let contacts = Contacts::new(clock.clone());
        let five = &voters(5);
        contacts.lead(2);
        assert!(contacts.may_lead(2, five, SESSION));
        assert_eq!(contacts.majority_agreed(2, five), None);
        clock.sleep(Duration::from_secs(1)).await;
        let sent = clock.instant();
        contacts.agreed(BrokerId(1), 2, sent);
        assert_eq!(contacts.majority_agreed(2, five), None, "itself and one of five");
        contacts.agreed(BrokerId(7), 2, sent);
        assert_eq!(contacts.majority_agreed(2, five), None, "a learner does not count");
        contacts.agreed(BrokerId(2), 2, sent + Duration::from_millis(5));
        assert_eq!(contacts.majority_agreed(2, five), Some(sent), "three of five");
        assert_eq!(contacts.heard_of(BrokerId(3), 2), None);
        clock.sleep(Duration::from_millis(2_900)).await;
        assert_eq!(contacts.heard_of(BrokerId(1), 2), Some(Duration::from_millis(2_900)));
        assert!(contacts.may_lead(2, five, SESSION));
        clock.sleep(Duration::from_millis(200)).await;
        assert!(!contacts.may_lead(2, five, SESSION));
        contacts.lead(3);
        assert!(contacts.may_lead(3, five, SESSION), "a new term begins anew");
        assert_eq!(contacts.majority_agreed(3, five), None);
        assert_eq!(contacts.heard_of(BrokerId(1), 3), None);
        assert!(contacts.may_lead(3, &voters(1), SESSION));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_when_a_leader_calls() {
        let clock = Clock::simulated(0);
        let contacts = Contacts::new(clock.clone());
        clock.sleep(Duration::from_millis(700)).await;
        contacts.leader_is_gone(BrokerId(2));
        assert_eq!(contacts.silence(), (Duration::from_millis(700), true));
        clock.sleep(Duration::from_millis(40)).await;
        contacts.leader_is_gone(BrokerId(2));
        contacts.lead(3);
        assert_eq!(contacts.refuses_for(BrokerId(2)), Some(Duration::from_millis(40)), "the leader before");
        contacts.agreed(BrokerId(2), 3, clock.instant());
        assert_eq!(contacts.refuses_for(BrokerId(2)), None);
        contacts.leader_is_gone(BrokerId(2));
        contacts.hear_leader();
        assert_eq!(contacts.silence(), (Duration::ZERO, false));
        contacts.missed(BrokerId(1), true);
        clock.sleep(Duration::from_millis(400)).await;
        contacts.missed(BrokerId(1), true);
        assert_eq!(contacts.refuses_for(BrokerId(1)), Some(Duration::from_millis(400)));
        contacts.missed(BrokerId(1), false);
        assert_eq!(contacts.refuses_for(BrokerId(1)), None);
    }
}
