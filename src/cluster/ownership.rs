//! Proof of ownership: that this broker owned a shard a moment ago. An owner that cannot tell must not send clients elsewhere in a
//! log that may have gone on without it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::heartbeat::{PROOF, Reply};
use super::metrics::Metrics;
use super::shard_host::ShardHost;
use crate::log::Shard;
use crate::metadata;
use crate::runtime::clock::Instant;
use crate::runtime::{Clock, TaskKind};
use crate::types::{LeaderEpoch, ShardId};

/// The difference that wall clock and monotone clock may show between two looks: more, and the machine was suspended.
const DRIFT_MS: i64 = 200;
/// A denial is told for a session, but looked into again after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The state that is shared by all shards of a broker.
pub(super) struct Ownership {
    /// One request at a time asks who owns what; the others wait for its reply.
    confirming: tokio::sync::Mutex<()>,
    clocks: Mutex<Clocks>,
    /// The last answers of those that were asked for want of a proof.
    found: Mutex<BTreeMap<ShardId, Found>>,
    /// Questions that are, or were, asked for requests that wait: one at a time for each shard. They outlast who asked.
    questions: Mutex<BTreeMap<ShardId, JoinHandle<()>>>,
    answered: watch::Sender<()>,
    pub metrics: Metrics,
}

/// An answer to the question who owns a shard.
#[derive(Clone, Copy)]
struct Found {
    epoch: LeaderEpoch,
    asked: Instant,
    owns: bool,
}

/// Both clocks at the last word of the controller.
struct Clocks {
    instant: Instant,
    wall_ms: i64,
    /// Proofs from before it do not count: the machine may have stood still.
    agree_since: Instant,
}

impl Ownership {
    pub(super) fn new(clock: &Clock, metrics: Metrics) -> Ownership {
        Ownership {
            confirming: tokio::sync::Mutex::default(),
            clocks: Mutex::new(Clocks {
                instant: clock.instant(),
                wall_ms: clock.now_ms(),
                agree_since: clock.instant(),
            }),
            found: Mutex::default(),
            questions: Mutex::default(),
            answered: watch::Sender::default(),
            metrics,
        }
    }

    fn look_at_clocks(&self, clock: &Clock) {
        let differ = self.clocks_differ(clock);
        let mut clocks = self.clocks.lock();
        (clocks.instant, clocks.wall_ms) = (clock.instant(), clock.now_ms());
        if differ {
            clocks.agree_since = clocks.instant;
        }
    }

    /// True if the machine stood still, or its clock was set, since the last word of the controller.
    fn clocks_differ(&self, clock: &Clock) -> bool {
        let clocks = self.clocks.lock();
        let passed = clock.instant().saturating_duration_since(clocks.instant).as_millis() as i64;
        (clock.now_ms() - clocks.wall_ms - passed).abs() > DRIFT_MS
    }
}

impl ShardHost {
    /// True if this broker owned the shard a moment ago: the controller said so, or the metadata or the stored index says so now.
    ///
    /// Among others, only the controller's word lasts: it takes a shard from an owner that it hears of no sooner than that word
    /// has run out. An owner that it does not hear of may still write, and be read from the store, right until another opens
    /// the shard.
    pub async fn still_owns(&self, shard: &Shard, epoch: LeaderEpoch) -> bool {
        if self.has_proof(shard) {
            return true;
        }
        if !self.is_alone() {
            self.ownership.metrics.unproven.inc();
        }
        let begun = self.runtime.clock.instant();
        let _one_at_a_time = self.ownership.confirming.lock().await;
        if self.has_proof(shard) {
            return true;
        }
        // Others have asked since.
        let found = self.found(shard.id(), epoch);
        if found.is_some_and(|found| !found.owns && found.asked >= begun) {
            return false;
        }
        self.ask(shard, epoch).await
    }

    /// Asks the metadata, then the stored index, and notes the answer.
    async fn ask(&self, shard: &Shard, epoch: LeaderEpoch) -> bool {
        let asked = self.runtime.clock.instant();
        let owns = match self.metadata.sync().await {
            Ok(image) => {
                let owner = Some(self.metadata.owner());
                image.shard(shard.id()) == Some(metadata::Shard { owner, epoch })
            }
            // Whoever took it over would have opened its index.
            Err(_) => !self.is_alone() && shard.is_newest_writer().await,
        };
        if owns && self.is_alone() {
            shard.confirm_ownership(asked);
        }
        self.ownership.found.lock().insert(shard.id(), Found { epoch, asked, owns });
        self.ownership.answered.send_replace(());
        owns
    }

    /// Returns one of these shards, each with the epoch that it is assigned with, once nothing has proven for a session that it is
    /// this broker's, and asking does not either. Whoever waits for news of it would wait for what happens elsewhere.
    ///
    /// Answers are remembered: of those that wait for less than one takes, the next is told.
    pub async fn unproven(self: &Arc<Self>, owned: &BTreeMap<ShardId, (Shard, LeaderEpoch)>) -> ShardId {
        let (clock, session) = (&self.runtime.clock, self.options.session);
        let mut answered = self.ownership.answered.subscribe();
        while !self.is_alone() {
            answered.mark_unchanged();
            let now = clock.instant();
            let mut look = now + session;
            for (id, (shard, epoch)) in owned {
                let Found { asked, owns, .. } = self.last_word(shard, *epoch, now);
                let is_fresh = now < asked + session;
                let lasts = if owns { session } else { ASK_AGAIN.min(session) };
                if now >= asked + lasts {
                    self.ask_for_others(shard, *epoch);
                    look = look.min(now + ASK_AGAIN);
                }
                if !owns && is_fresh {
                    return *id;
                }
                look = if is_fresh { look.min(asked + session) } else { look };
            }
            tokio::select! {
                _ = answered.changed() => {}
                () = clock.sleep_until(look) => {}
            }
        }
        std::future::pending().await
    }

    /// Asks in a task of its own, unless that is under way.
    fn ask_for_others(self: &Arc<Self>, shard: &Shard, epoch: LeaderEpoch) {
        let mut questions = self.ownership.questions.lock();
        if questions.get(&shard.id()).is_some_and(|question| !question.is_finished()) {
            return;
        }
        let (host, asked) = (Arc::clone(self), shard.clone());
        let question = self.runtime.tasks.spawn(TaskKind::Periodic, async move {
            tokio::select! {
                () = host.runtime.shutdown.requested() => {}
                _ = host.ask(&asked, epoch) => {}
            }
        });
        questions.insert(shard.id(), question);
    }

    fn found(&self, id: ShardId, epoch: LeaderEpoch) -> Option<Found> {
        self.ownership.found.lock().get(&id).copied().filter(|found| found.epoch == epoch)
    }

    /// The newest word on the shard: the controller's, or the answer to a question. One that has neither has only just been
    /// opened, and was proven by that.
    fn last_word(&self, shard: &Shard, epoch: LeaderEpoch, now: Instant) -> Found {
        let confirmed = shard.confirmed_at().map(|asked| Found { epoch, asked, owns: true });
        match (confirmed, self.found(shard.id(), epoch)) {
            (Some(confirmed), Some(found)) if found.asked > confirmed.asked => found,
            (Some(confirmed), _) => confirmed,
            (None, Some(found)) => found,
            (None, None) => {
                let opened = Found { epoch, asked: now, owns: true };
                self.ownership.found.lock().insert(shard.id(), opened);
                opened
            }
        }
    }

    /// Takes the controller's word, asked for at `sent`, for the shards that are open here.
    pub(super) fn confirm(&self, sent: Instant, reply: &Reply) {
        let Some(age) = reply.proof_age_ms else { return };
        let Some(at) = sent.checked_sub(Duration::from_millis(age)) else { return };
        self.ownership.look_at_clocks(&self.runtime.clock);
        let hosted = self.hosted.read();
        for (id, epoch) in &reply.owned {
            let hosted = hosted.get(id).filter(|hosted| hosted.epoch == *epoch);
            if let Some(shard) = hosted.and_then(|hosted| hosted.shard()) {
                shard.confirm_ownership(at);
            }
        }
    }

    fn has_proof(&self, shard: &Shard) -> bool {
        if self.is_alone() {
            return shard.recently_confirmed(self.options.session);
        }
        let (clock, lasts) = (&self.runtime.clock, PROOF.max(self.runtime.flaws.keeps_proofs));
        !self.ownership.clocks_differ(clock)
            && shard.confirmed_at().is_some_and(|at| {
                at >= self.ownership.clocks.lock().agree_since
                    && clock.instant().saturating_duration_since(at) <= lasts
            })
    }

    /// True if no other broker can take anything over.
    pub(super) fn is_alone(&self) -> bool {
        self.metadata.is_alone()
    }
}
