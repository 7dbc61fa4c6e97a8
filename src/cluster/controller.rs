//! The controller: hears brokers, plans, proposes. It runs on every broker, and acts on the metadata's leader alone; nobody else
//! places shards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::balance;
use super::calm::Calm;
use super::drains::Drains;
use super::heartbeat::{Heartbeat, HostState, Reply};
use super::liveness::{Liveness, Standing};
use super::load::Load;
use super::losses::Losses;
use super::metrics::Sessions;
use super::placement::{self, Move, Standings};
use super::removal;
use super::takeover::{LastTakeover, TakeoverStatus};
use super::undecided::{Log, Undecided};
use crate::metadata::{Broker, Command, Image, Metadata, Owner, ProposeError};
use crate::runtime::clock::Instant;
use crate::runtime::{Runtime, TaskKind};
use crate::types::{BrokerId, LeaderEpoch, ShardId};

/// Between two looks at who is silent.
const LOOK: Duration = Duration::from_millis(100);
/// The same while somebody's machine refuses connections.
const CLOSE_LOOK: Duration = Duration::from_millis(20);
/// The same for whoever waits until all shards are open.
const SETTLED_POLL: Duration = Duration::from_millis(10);
/// The time in which the leader before can say that it is there.
const GRACE: Duration = Duration::from_millis(300);

/// A handle on the controller. Cheap to clone.
#[derive(Clone)]
pub struct Controller(Arc<Inner>);

struct Inner {
    metadata: Metadata,
    runtime: Runtime,
    /// Silence after which a broker loses its shards.
    session: Duration,
    leading: Mutex<Option<Leading>>,
    /// It outlasts the time in which this broker leads: so does its log.
    undecided: Mutex<Undecided>,
    /// The leader that this broker knew last.
    known_leader: Mutex<Option<BrokerId>>,
    /// Something was heard that may change the plan.
    news: Notify,
    metrics: Sessions,
    /// Held while the voters change.
    changing: Arc<tokio::sync::Mutex<()>>,
}

/// The standings of brokers, each with the time for which it is known to be there.
pub(super) type KnownStandings = BTreeMap<BrokerId, (Standing, Duration)>;

/// The time in which this broker leads.
pub(super) struct Leading {
    term: u64,
    liveness: Liveness,
    /// Shards that are to be released, by their owners.
    release: Vec<(Owner, ShardId, LeaderEpoch)>,
    /// A shard that moves for balance, or two that change places.
    moving: Vec<Move>,
    calm: Calm,
    losses: Losses,
    last_takeover: LastTakeover,
    drains: Drains,
    nobody_takes: bool,
    /// The leader before, in the life that led.
    predecessor: Option<Owner>,
    /// The end of what may be in the log of leaders before.
    inherits: u64,
}

impl Controller {
    pub fn new(metadata: Metadata, session: Duration, runtime: Runtime) -> Controller {
        let (leading, undecided, known_leader) = (Mutex::default(), Mutex::default(), Mutex::default());
        let news = Notify::new();
        let metrics = Sessions::register(&runtime.metrics);
        let changing = Arc::default();
        Controller(Arc::new(Inner {
            metadata,
            runtime,
            session,
            leading,
            undecided,
            known_leader,
            news,
            metrics,
            changing,
        }))
    }

    /// Takes a broker's word, and answers it; says nothing if this broker does not lead.
    pub fn hear(&self, heartbeat: &Heartbeat) -> Reply {
        let Inner { metadata, runtime, news, .. } = &*self.0;
        let mut leading = self.0.leading.lock();
        // Read in turn, or a word that waited for the lock would seem older than what was planned meanwhile. The image is the
        // last: it shows what is decided.
        let (log, now) = (self.log(), runtime.clock.instant());
        let is_undecided = self.0.undecided.lock().has(heartbeat.from, now, self.0.session, log);
        let image = metadata.image();
        let Some(leading) = self.lead(&mut leading, &image, now) else { return Reply::default() };
        leading.liveness.hear(now, heartbeat);
        news.notify_one();
        let age = |agreed: Instant| now.duration_since(agreed).as_millis() as u64;
        // A proof must not outlast the moment at which its owner is given up.
        let may_be_given_up = Liveness::may_be_given_up(heartbeat)
            || metadata.refuses_for(heartbeat.from.broker).is_some()
            || leading.losses.has_given_up(heartbeat.from)
            || !image.counts_on(heartbeat.from)
            || log.applied < leading.inherits
            || is_undecided;
        let owned = image.shards_of(heartbeat.from).map(|(id, shard)| (id, shard.epoch));
        let moving = leading.moving.iter().map(|step| (step.from, step.shard, step.epoch));
        let asked = leading.release.iter().copied().chain(moving);
        let asked = asked.filter(|(owner, _, _)| *owner == heartbeat.from);
        Reply {
            proof_age_ms: metadata.majority_agreed().map(age).filter(|_| !may_be_given_up),
            owned: owned.collect(),
            release: asked.map(|(_, shard, epoch)| (shard, epoch)).collect(),
            nobody_takes: leading.nobody_takes,
        }
    }

    /// Places shards whenever something is heard or not heard any more, until shutdown.
    pub async fn run(self) {
        let Inner { metadata, runtime, news, .. } = &*self.0;
        let mut images = metadata.subscribe();
        loop {
            let image = images.borrow_and_update().clone();
            let commands = self.plan(&image);
            self.note_leader();
            if !commands.is_empty() {
                if !self.carry_out(commands).await {
                    runtime.clock.sleep(LOOK).await;
                }
                continue;
            }
            self.grow();
            tokio::select! {
                () = runtime.shutdown.requested() => return,
                changed = images.changed() => if changed.is_err() { return },
                () = news.notified() => {}
                () = runtime.clock.sleep(self.until_next_look(&image)) => {}
            }
        }
    }

    /// True if all was done. A refusal is an outcome: the image has moved on, and the next plan knows.
    async fn carry_out(&self, commands: Vec<Command>) -> bool {
        let Inner { metadata, runtime, undecided, .. } = &*self.0;
        let proposed = metadata.propose_many(commands).await;
        let mut undecided = undecided.lock();
        match proposed {
            Ok(outcomes) => {
                undecided.end(outcomes.iter().any(Result::is_ok));
                for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
                    tracing::debug!(%refused, "assignment refused");
                }
                outcomes.iter().all(Result::is_ok)
            }
            Err(error) => {
                undecided.fail(runtime.clock.instant());
                tracing::warn!(%error, "assignments not proposed");
                false
            }
        }
    }

    fn log(&self) -> Log {
        let quorum = self.0.metadata.quorum();
        let own = quorum.member(self.0.metadata.broker_id());
        let last_entry = own.and_then(|own| own.log_index).unwrap_or(quorum.index);
        Log { last_entry, applied: quorum.index }
    }

    fn note_leader(&self) {
        let Inner { metadata, leading, known_leader, .. } = &*self.0;
        // Elected since the last look, it still has a predecessor.
        let leads_unseen = leading.lock().is_none();
        let leader = metadata.leader().filter(|id| !leads_unseen || *id != metadata.broker_id());
        let mut known = known_leader.lock();
        *known = leader.or(*known);
    }

    fn until_next_look(&self, image: &Image) -> Duration {
        let mut refusing = image.live_brokers().filter_map(|broker| self.0.metadata.refuses_for(broker.id));
        if self.0.metadata.leads() && refusing.next().is_some() { CLOSE_LOOK } else { LOOK }
    }

    /// Begins a change of the voters, if there are better ones and no change is under way.
    fn grow(&self) {
        let Ok(turn) = Arc::clone(&self.0.changing).try_lock_owned() else { return };
        let Some(voters) = self.better_voters() else { return };
        let metadata = self.0.metadata.clone();
        self.0.runtime.tasks.spawn(TaskKind::Controller, async move {
            tokio::select! {
                () = removal::grow(&metadata, voters) => {}
                () = metadata.stopped() => {}
            }
            drop(turn);
        });
    }

    /// Waits until no other change of the voters is under way, and has one begin.
    pub(super) async fn change_voters(&self, voters: &BTreeSet<BrokerId>) -> Result<(), ProposeError> {
        let _turn = self.0.changing.lock().await;
        self.0.metadata.change_voters(voters).await
    }

    /// Returns once all shards are open at their owners, as far as this broker is to see to that: whoever opens one asks the
    /// leader first, and would wait for an election if that went meanwhile.
    pub async fn settled(&self) {
        let Inner { metadata, runtime, leading, .. } = &*self.0;
        let is_settled = || {
            let leading = leading.lock();
            let leading = leading.as_ref().filter(|_| metadata.leads());
            leading.is_none_or(|leading| leading.liveness.is_settled(&metadata.image()))
        };
        while !is_settled() {
            runtime.clock.sleep(SETTLED_POLL).await;
        }
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// The standings of brokers; none if this broker does not lead.
    pub(super) fn known_standings(&self) -> Option<KnownStandings> {
        let Inner { metadata, runtime, leading, .. } = &*self.0;
        let mut leading = leading.lock();
        let (image, now) = (metadata.image(), runtime.clock.instant());
        let leading = leading.as_mut().filter(|_| metadata.leads())?;
        let standings = self.standings(leading, &image, now);
        let age = |id: &BrokerId| leading.liveness.met_for(*id, now);
        Some(standings.iter().map(|(id, standing)| (*id, (*standing, age(id)))).collect())
    }

    /// The last takeover in this broker's term as the leader.
    pub(super) fn last_takeover(&self) -> Option<TakeoverStatus> {
        let leading = self.0.leading.lock();
        leading.as_ref()?.last_takeover.status(self.0.runtime.clock.instant())
    }

    /// The state of a shard, as its owner said last.
    pub(super) fn state_of(&self, owner: Owner, shard: ShardId, epoch: LeaderEpoch) -> Option<HostState> {
        self.0.leading.lock().as_ref()?.liveness.state_of(owner, shard, epoch)
    }

    /// The loads of shards, as their owners said last.
    pub(super) fn loads(&self, image: &Image) -> BTreeMap<ShardId, Load> {
        self.0.leading.lock().as_ref().map_or_else(BTreeMap::new, |leading| leading.liveness.loads(image))
    }

    /// Has brokers that live give their shards away, or stay, while this broker leads.
    pub(super) fn change_drains(&self, change: impl FnOnce(&mut Drains, Instant)) {
        if let Some(leading) = self.0.leading.lock().as_mut() {
            change(&mut leading.drains, self.0.runtime.clock.instant());
        }
        self.0.news.notify_one();
    }

    /// The time in which this broker leads, begun if it has only just been elected; none if it does not lead.
    fn lead<'a>(
        &self,
        leading: &'a mut Option<Leading>,
        image: &Image,
        now: Instant,
    ) -> Option<&'a mut Leading> {
        let metadata = &self.0.metadata;
        if !metadata.leads() || !image.is_formed() {
            if leading.take().is_some() {
                self.0.metrics.forget();
            }
            return None;
        }
        let term = metadata.quorum().term;
        if leading.as_ref().is_none_or(|leading| leading.term != term) {
            let predecessor = *self.0.known_leader.lock();
            let predecessor = predecessor.filter(|id| *id != metadata.broker_id());
            let predecessor = predecessor.and_then(|id| image.broker(id)).map(|broker| broker.life());
            *leading = Some(Leading::new(term, predecessor, self.log().last_entry, now));
        }
        leading.as_mut()
    }

    fn plan(&self, image: &Image) -> Vec<Command> {
        let Inner { metadata, runtime, .. } = &*self.0;
        let mut leading = self.0.leading.lock();
        let now = runtime.clock.instant();
        let Some(leading) = self.lead(&mut leading, image, now) else { return Vec::new() };
        let standings = self.standings(leading, image, now);
        self.count(leading, image, &standings, now);
        // The leader before has just been met too, but it is not waited for if it is known to be gone.
        let is_gone = |id: &BrokerId| standings.get(id) == Some(&Standing::Dead);
        let voters = metadata.voters();
        let voters: Vec<BrokerId> = voters.into_iter().filter(|id| !is_gone(id)).collect();
        if leading.liveness.somebody_comes(now, &voters) {
            return Vec::new();
        }
        let (liveness, flaws) = (&leading.liveness, runtime.flaws);
        let mut plan = placement::plan(
            image,
            &standings,
            &leading.moving,
            |owner| liveness.has_caught_up(owner, image),
            |owner, shard, epoch| {
                liveness.has_released(owner, shard, epoch)
                    || (flaws.assigns_first && leading.has_asked_for(&standings, (owner, shard, epoch)))
            },
        );
        if !plan.commands.is_empty() {
            self.0.undecided.lock().propose(leading.losers(image, &plan.commands));
        }
        if flaws.assigns_blindly {
            plan.commands.iter_mut().for_each(forget_what_it_replaces);
        }
        leading.release = plan.release;
        leading.nobody_takes = !standings.values().any(|standing| *standing == Standing::Live);
        leading.balance(image, &standings, now, plan.commands.is_empty());
        plan.commands
    }

    /// Counts what has happened since the last look.
    fn count(&self, leading: &mut Leading, image: &Image, standings: &Standings, now: Instant) {
        let liveness = &leading.liveness;
        let lost = leading.losses.look(image, standings, now, |owner| {
            let refuses = self.0.metadata.refuses_for(owner.broker);
            // A broker that died before this one led, and has nothing, is no news.
            let is_news = liveness.has_heard(owner) || image.shards_of(owner).next().is_some();
            is_news.then(|| liveness.ending(owner, now, self.0.session, refuses))
        });
        leading.last_takeover.look(&lost, liveness.is_settled(image), now);
        let is_live = |id: &BrokerId| standings.get(id).is_some_and(|standing| *standing != Standing::Dead);
        self.0.metrics.show(&lost, liveness.lags(image).map(|(id, lag)| (id, is_live(&id).then_some(lag))));
    }

    fn standings(&self, leading: &mut Leading, image: &Image, now: Instant) -> Standings {
        let mut standing = |broker: &Arc<Broker>| {
            let owner = broker.life();
            leading.liveness.meet(now, owner);
            let refuses = self.0.metadata.refuses_for(broker.id);
            // A majority has given the leader before up already: it is gone, unless it says soon that it is not. No proof of
            // its own has outlasted that.
            let is_given_up = leading.predecessor == Some(owner)
                && (refuses.is_some() || now.duration_since(leading.liveness.since()) >= GRACE)
                && !leading.liveness.has_heard(owner);
            let refuses = if is_given_up { Some(Duration::MAX) } else { refuses };
            let standing = leading.liveness.standing(owner, now, self.0.session, refuses);
            let is_drained = standing == Standing::Live && leading.drains.has(owner, now);
            (broker.id, if is_drained { Standing::Leaving } else { standing })
        };
        image.brokers.values().map(&mut standing).collect()
    }
}

impl Leading {
    fn new(term: u64, predecessor: Option<Owner>, inherits: u64, now: Instant) -> Leading {
        Leading {
            term,
            liveness: Liveness::new(now),
            release: Vec::new(),
            moving: Vec::new(),
            calm: Calm::default(),
            losses: Losses::default(),
            last_takeover: LastTakeover::default(),
            drains: Drains::default(),
            nobody_takes: false,
            predecessor,
            inherits,
        }
    }

    /// Those who lose something by these commands that they have not given away themselves.
    fn losers(&self, image: &Image, commands: &[Command]) -> BTreeSet<Owner> {
        let has_lost = |owner: &Owner| self.losses.has_given_up(*owner) || !image.counts_on(*owner);
        let loser = |command: &Command| match *command {
            Command::Fence { broker, incarnation, is_fenced: true } => Some(Owner { broker, incarnation }),
            Command::MoveShard { shard, .. } => image.shard(shard)?.owner.filter(has_lost),
            _ => None,
        };
        commands.iter().filter_map(loser).collect()
    }

    /// True of a shard that its owner is to release.
    fn has_asked_for(&self, standings: &Standings, asked: (Owner, ShardId, LeaderEpoch)) -> bool {
        let is_asked = |step: &Move| (step.from, step.shard, step.epoch) == asked;
        standings.get(&asked.0.broker) == Some(&Standing::Leaving) || self.moving.iter().any(is_asked)
    }

    /// Has one shard at a time move for balance, or two change places, once all has been calm for a while.
    fn balance(&mut self, image: &Image, standings: &Standings, now: Instant, nothing_else: bool) {
        self.moving.retain(|step| {
            let now = image.shard(step.shard);
            now.is_some_and(|now| now.owner == Some(step.from) && now.epoch == step.epoch)
        });
        if !self.moving.is_empty() {
            return self.calm.a_move();
        }
        let is_stable = |standing: &Standing| matches!(standing, Standing::Live | Standing::Dead);
        if !nothing_else || !self.release.is_empty() || !standings.values().all(is_stable) {
            return self.calm.trouble();
        }
        if !self.liveness.is_settled(image) {
            return self.calm.opening();
        }
        if self.calm.lasts(now) {
            self.moving = balance::by_count(image, standings).into_iter().collect();
        }
        if self.moving.is_empty() && self.calm.lasts_long(now) {
            self.moving = balance::by_load(image, standings, &self.liveness.loads(image));
        }
        for Move { shard, from, to, .. } in &self.moving {
            tracing::info!(%shard, from = %from.broker, %to, "shard moves for balance");
        }
    }
}

fn forget_what_it_replaces(command: &mut Command) {
    if let Command::MoveShard { shard, owner, .. } = *command {
        *command = Command::AssignShard { shard, owner };
    }
}

#[cfg(test)]
#[path = "controller_tests.rs"]
mod tests;
