//! Liveness of brokers, as the controller hears of it. Pure: time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use super::heartbeat::{Heartbeat, HostState, PROOF, Report};
use super::load::Load;
use crate::metadata::{self, Image, Owner};
use crate::runtime::clock::Instant;
use crate::types::{BrokerId, Incarnation, LeaderEpoch, ShardId};

/// A broker whose machine refuses connections for so long is gone.
const GONE_AFTER: Duration = Duration::from_millis(500);
/// The same of one that has said nothing since its last proof of ownership ran out.
const SILENT_GONE_AFTER: Duration = Duration::from_millis(200);
/// No proof of ownership lasts so long after the word of its owner that it answered.
const UNPROVEN_AFTER: Duration = Duration::from_millis(450);
const _: () = assert!(UNPROVEN_AFTER.as_millis() >= PROOF.as_millis() + 50);
/// A broker loses its shards if its appends have not become durable for so long, while those of others have.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// Proofs end so long before their owner can be given up.
const MARGIN: Duration = Duration::from_secs(1);
/// Shards without an owner wait for so long for brokers that have just come.
const COMING: Duration = Duration::from_secs(1);

/// Brokers as this controller has heard of them, since it is one.
#[derive(Debug)]
pub struct Liveness {
    since: Instant,
    /// The lives of brokers that registered, and when this controller saw that first.
    met: BTreeMap<BrokerId, (Incarnation, Instant)>,
    heard: BTreeMap<BrokerId, Heard>,
}

#[derive(Debug)]
struct Heard {
    at: Instant,
    incarnation: Incarnation,
    index: u64,
    shards: BTreeMap<ShardId, Report>,
    stuck: Option<Duration>,
    is_leaving: bool,
    loads: BTreeMap<ShardId, Load>,
}

/// A broker's standing with the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Live,
    /// It goes on serving what it has, and gets nothing more.
    Leaving,
    /// Not heard of yet, by this controller.
    Unknown,
    Dead,
}

/// Why a broker's session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It said that it was going.
    Left,
    /// Its machine refused connections.
    Refused,
    /// Nothing was heard of it.
    Silent,
    /// Its appends did not become durable, while those of others did.
    Stuck,
    /// Another process with its id has registered.
    Replaced,
}

impl Cause {
    /// The name that metrics and people have for it.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Left => "left",
            Cause::Refused => "refused",
            Cause::Silent => "silent",
            Cause::Stuck => "stuck",
            Cause::Replaced => "replaced",
        }
    }
}

impl Liveness {
    /// Of a controller that begins now, and has heard of nobody.
    pub fn new(now: Instant) -> Liveness {
        Liveness { since: now, met: BTreeMap::new(), heard: BTreeMap::new() }
    }

    /// Since when this controller listens.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// The time since this controller saw that the newest life of a broker is registered.
    pub fn met_for(&self, broker: BrokerId, now: Instant) -> Duration {
        self.met.get(&broker).map_or(Duration::ZERO, |(_, since)| now.duration_since(*since))
    }

    pub fn has_heard(&self, owner: Owner) -> bool {
        self.of(owner).is_some()
    }

    /// True of a broker that may lose its shards though it is heard of: it gets no proof that would last beyond that.
    pub fn may_be_given_up(heartbeat: &Heartbeat) -> bool {
        heartbeat.stuck_ms.is_some_and(|stuck| Duration::from_millis(stuck) + MARGIN >= STUCK_AFTER)
    }

    /// Sees that a life of a broker is registered: its silence counts from then.
    pub fn meet(&mut self, now: Instant, owner: Owner) {
        let met = self.met.entry(owner.broker).or_insert((owner.incarnation, now));
        if met.0 != owner.incarnation {
            *met = (owner.incarnation, now);
        }
    }

    /// True if one of `voters` has just come, or may be about to come, and was not heard yet: shards without an owner wait for it.
    pub fn somebody_comes(&self, now: Instant, voters: &[BrokerId]) -> bool {
        let is_new = |since: Instant| now.duration_since(since) < COMING;
        voters.iter().any(|id| match self.met.get(id) {
            Some((incarnation, since)) => {
                is_new(*since) && self.of(Owner { broker: *id, incarnation: *incarnation }).is_none()
            }
            None => is_new(self.since),
        })
    }

    pub fn hear(&mut self, now: Instant, heartbeat: &Heartbeat) {
        let known = self.of(heartbeat.from).map(|known| known.at);
        let heard = Heard {
            at: known.map_or(now, |at| at.max(now)),
            incarnation: heartbeat.from.incarnation,
            index: heartbeat.index,
            shards: heartbeat.shards.iter().map(|report| (report.shard, *report)).collect(),
            stuck: heartbeat.stuck_ms.map(Duration::from_millis),
            is_leaving: heartbeat.is_leaving,
            loads: heartbeat.loads.iter().copied().collect(),
        };
        let newer = |known: &Heard| known.incarnation > heard.incarnation;
        if !self.heard.get(&heartbeat.from.broker).is_some_and(newer) {
            self.heard.insert(heartbeat.from.broker, heard);
        }
    }

    fn of(&self, owner: Owner) -> Option<&Heard> {
        self.heard.get(&owner.broker).filter(|heard| heard.incarnation == owner.incarnation)
    }

    /// The standing of a life of a broker whose machine has refused connections for `refuses`.
    pub fn standing(
        &self,
        owner: Owner,
        now: Instant,
        session: Duration,
        refuses: Option<Duration>,
    ) -> Standing {
        let heard = self.of(owner);
        let met = self.met.get(&owner.broker).filter(|(incarnation, _)| *incarnation == owner.incarnation);
        let met = met.map_or(self.since, |(_, since)| *since);
        let last = heard.map_or(met, |heard| heard.at);
        if is_gone(heard, now, refuses) || now.duration_since(last) >= session {
            return Standing::Dead;
        }
        match heard {
            None => Standing::Unknown,
            Some(heard) if self.is_stuck_alone(owner.broker, heard) => Standing::Dead,
            Some(heard) if heard.is_leaving => Standing::Leaving,
            Some(_) => Standing::Live,
        }
    }

    /// The end of the session of a broker that is dead: why, and the time since its last word, or since this controller waits
    /// for one.
    pub fn ending(
        &self,
        owner: Owner,
        now: Instant,
        session: Duration,
        refuses: Option<Duration>,
    ) -> (Cause, Duration) {
        let heard = self.of(owner);
        let silence = now.saturating_duration_since(heard.map_or(self.since, |heard| heard.at));
        let cause = match heard {
            Some(heard) if heard.is_leaving => Cause::Left,
            heard if is_gone(heard, now, refuses) => Cause::Refused,
            None => Cause::Silent,
            Some(_) if silence >= session => Cause::Silent,
            Some(_) => Cause::Stuck,
        };
        (cause, silence)
    }

    /// Entries of the metadata that each broker's image lacked, by its last word.
    pub fn lags(&self, image: &Image) -> impl Iterator<Item = (BrokerId, u64)> {
        let index = image.index;
        self.heard.iter().map(move |(id, heard)| (*id, index.saturating_sub(heard.index)))
    }

    /// Everybody is stuck when the store is away, and then nobody would do better.
    fn is_stuck_alone(&self, broker: BrokerId, heard: &Heard) -> bool {
        let is_stuck = |heard: &Heard| heard.stuck.is_some_and(|stuck| stuck >= STUCK_AFTER);
        let mut others = self.heard.iter().filter(|(id, _)| **id != broker).peekable();
        is_stuck(heard) && others.peek().is_some() && !others.any(|(_, other)| is_stuck(other))
    }

    /// True if the broker's image shows everything that the controller's does.
    pub fn has_caught_up(&self, owner: Owner, image: &Image) -> bool {
        self.of(owner).is_some_and(|heard| heard.index >= image.index)
    }

    /// True if its owner has closed the shard, and waits for somebody else to have it.
    pub fn has_released(&self, owner: Owner, shard: ShardId, epoch: LeaderEpoch) -> bool {
        self.state_of(owner, shard, epoch) == Some(HostState::Released)
    }

    /// The state of a shard, as its owner said last.
    pub fn state_of(&self, owner: Owner, shard: ShardId, epoch: LeaderEpoch) -> Option<HostState> {
        let report = self.of(owner)?.shards.get(&shard)?;
        (report.epoch == epoch).then_some(report.state)
    }

    /// The loads of the image's shards, as far as their owners have said them.
    pub fn loads(&self, image: &Image) -> BTreeMap<ShardId, Load> {
        let load = |(id, shard): (&ShardId, &metadata::Shard)| {
            let owner =
                shard.owner.filter(|owner| self.state_of(*owner, *id, shard.epoch) == Some(HostState::Open));
            Some((*id, *self.of(owner?)?.loads.get(id)?))
        };
        image.shards.iter().filter_map(load).collect()
    }

    /// True if all shards of the image are open at their owners, or damaged.
    pub fn is_settled(&self, image: &Image) -> bool {
        image.shards.iter().all(|(id, shard)| {
            let report = shard.owner.and_then(|owner| self.of(owner)?.shards.get(id));
            report.is_some_and(|report| {
                report.epoch == shard.epoch && matches!(report.state, HostState::Open | HostState::Damaged)
            })
        })
    }
}

/// True of a broker whose machine has refused connections for long enough, and that can prove nothing any more. Proofs of
/// one that this controller has never heard ran out before it was elected.
fn is_gone(heard: Option<&Heard>, now: Instant, refuses: Option<Duration>) -> bool {
    let has_no_proof = heard.is_none_or(|heard| now.saturating_duration_since(heard.at) >= UNPROVEN_AFTER);
    let enough = if has_no_proof { SILENT_GONE_AFTER } else { GONE_AFTER };
    refuses.is_some_and(|refuses| refuses >= enough)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;

    const SESSION: Duration = Duration::from_secs(3);

    fn owner(broker: i32) -> Owner {
        Owner { broker: BrokerId(broker), incarnation: Incarnation(1) }
    }

    fn heartbeat(broker: i32, stuck_ms: Option<u64>) -> Heartbeat {
        Heartbeat {
            from: owner(broker),
            index: 5,
            shards: Vec::new(),
            stuck_ms,
            is_leaving: false,
            loads: Vec::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_controllers_own_first_moment() {
        let start = Clock::simulated(0).instant();
        let mut liveness = Liveness::new(start);
        let after = |millis| start + Duration::from_millis(millis);
        let standing = |liveness: &Liveness, at| liveness.standing(owner(1), after(at), SESSION, None);
        assert_eq!(standing(&liveness, 2_999), Standing::Unknown);
        assert_eq!(standing(&liveness, 3_000), Standing::Dead);
        liveness.hear(after(3_500), &heartbeat(1, None));
        assert_eq!(standing(&liveness, 6_499), Standing::Live);
        assert_eq!(standing(&liveness, 6_500), Standing::Dead);
        liveness.hear(after(3_400), &heartbeat(1, None));
        assert_eq!(standing(&liveness, 6_499), Standing::Live, "nothing is forgotten for an older word");
        let newer = Owner { incarnation: Incarnation(2), ..owner(1) };
        liveness.hear(after(7_000), &Heartbeat { from: newer, ..heartbeat(1, None) });
        liveness.hear(after(7_001), &heartbeat(1, None));
        assert_eq!(standing(&liveness, 7_002), Standing::Dead, "a newer process of it was heard");
        assert_eq!(liveness.standing(newer, after(7_002), SESSION, None), Standing::Live);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_has_just_registered_is_waited_for() {
        let start = Clock::simulated(0).instant();
        let mut liveness = Liveness::new(start);
        let after = |millis| start + Duration::from_millis(millis);
        let voters = [BrokerId(1), BrokerId(2)];
        assert!(liveness.somebody_comes(after(999), &voters));
        assert!(!liveness.somebody_comes(after(1_000), &voters));
        liveness.meet(after(9_000), owner(1));
        liveness.meet(after(9_500), owner(1));
        assert_eq!(liveness.standing(owner(1), after(11_999), SESSION, None), Standing::Unknown);
        assert!(liveness.somebody_comes(after(9_999), &voters));
        assert!(!liveness.somebody_comes(after(10_000), &voters), "it had its time");
        liveness.meet(after(20_000), Owner { incarnation: Incarnation(2), ..owner(1) });
        assert!(liveness.somebody_comes(after(20_500), &voters));
        let newer = Owner { incarnation: Incarnation(2), ..owner(1) };
        liveness.hear(after(20_600), &Heartbeat { from: newer, ..heartbeat(1, None) });
        assert!(!liveness.somebody_comes(after(20_601), &voters));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_broker_is_given_up_once_its_proofs_have_run_out() {
        let start = Clock::simulated(0).instant();
        let mut liveness = Liveness::new(start);
        let after = |millis| start + Duration::from_millis(millis);
        let standing = |liveness: &Liveness, at, refuses| {
            liveness.standing(owner(1), after(at), SESSION, Some(Duration::from_millis(refuses)))
        };
        assert_eq!(standing(&liveness, 300, 199), Standing::Unknown);
        assert_eq!(standing(&liveness, 300, 200), Standing::Dead, "it has no proof of this controller");
        liveness.hear(after(1_000), &heartbeat(1, None));
        assert_eq!(standing(&liveness, 1_449, 400), Standing::Live, "what it was told may still hold");
        assert_eq!(standing(&liveness, 1_450, 199), Standing::Live, "it may just be starting again");
        assert_eq!(standing(&liveness, 1_450, 200), Standing::Dead);
        liveness.hear(after(2_000), &heartbeat(1, None));
        assert_eq!(standing(&liveness, 2_001, 499), Standing::Live);
        assert_eq!(standing(&liveness, 2_001, 500), Standing::Dead, "it gets no proofs while it refuses");
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_has_one_cause_of_its_end() {
        let start = Clock::simulated(0).instant();
        let mut liveness = Liveness::new(start);
        liveness.hear(start, &heartbeat(1, None));
        let after = |millis| start + Duration::from_millis(millis);
        let ending = |liveness: &Liveness, at, refuses: Option<u64>| {
            liveness.ending(owner(1), after(at), SESSION, refuses.map(Duration::from_millis))
        };
        let ended = |cause, millis| (cause, Duration::from_millis(millis));
        assert_eq!(ending(&liveness, 3_000, None), ended(Cause::Silent, 3_000));
        assert_eq!(ending(&liveness, 700, Some(200)), ended(Cause::Refused, 700));
        assert_eq!(ending(&liveness, 700, None), ended(Cause::Stuck, 700));
        liveness.hear(after(900), &Heartbeat { is_leaving: true, ..heartbeat(1, None) });
        assert_eq!(ending(&liveness, 1_500, Some(600)), ended(Cause::Left, 600));
        let never_heard = liveness.ending(owner(2), after(300), SESSION, None);
        assert_eq!(never_heard, ended(Cause::Silent, 300));
        let image = Image { index: 12, ..Image::empty() };
        assert_eq!(liveness.lags(&image).collect::<Vec<_>>(), [(BrokerId(1), 7)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_refuses_has_no_broker() {
        let now = Clock::simulated(0).instant();
        let mut liveness = Liveness::new(now);
        liveness.hear(now, &heartbeat(1, None));
        let standing =
            |millis| liveness.standing(owner(1), now, SESSION, Some(Duration::from_millis(millis)));
        assert_eq!(standing(499), Standing::Live);
        assert_eq!(standing(500), Standing::Dead);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_is_dead_if_it_alone_is_stuck() {
        let now = Clock::simulated(0).instant();
        let mut liveness = Liveness::new(now);
        liveness.hear(now, &heartbeat(1, Some(10_000)));
        let standing = |liveness: &Liveness| liveness.standing(owner(1), now, SESSION, None);
        assert_eq!(standing(&liveness), Standing::Live, "there is nobody else");
        liveness.hear(now, &heartbeat(2, Some(20)));
        assert_eq!(standing(&liveness), Standing::Dead);
        liveness.hear(now, &heartbeat(3, Some(11_000)));
        assert_eq!(standing(&liveness), Standing::Live, "the store may be what is slow");
    }
}
