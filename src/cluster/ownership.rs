//! Proof of ownership: that this broker owned a shard a moment ago. An owner that cannot tell must not send clients elsewhere in a
//! log that may have gone on without it.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::heartbeat::{PROOF, Reply};
use super::metrics::Metrics;
use super::shard_host::ShardHost;
use crate::log::Shard;
use crate::metadata;
use crate::runtime::Clock;
use crate::runtime::clock::Instant;
use crate::types::{LeaderEpoch, ShardId};

/// The difference that wall clock and monotone clock may show between two looks: more, and the machine was suspended.
const DRIFT_MS: i64 = 200;

/// The state that is shared by all shards of a broker.
pub(super) struct Ownership {
    /// One request at a time asks who owns what; the others wait for its reply.
    confirming: tokio::sync::Mutex<()>,
    clocks: Mutex<Clocks>,
    /// Shards that were found to be this broker's when somebody asked for want of a proof, and when that was.
    found: Mutex<BTreeMap<ShardId, (LeaderEpoch, Instant)>>,
    /// One waiting request at a time asks for all.
    finding: tokio::sync::Mutex<()>,
    pub metrics: Metrics,
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
            finding: tokio::sync::Mutex::default(),
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
        let _one_at_a_time = self.ownership.confirming.lock().await;
        if self.has_proof(shard) {
            return true;
        }
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
        owns
    }

    /// Returns one of these shards, each with the epoch that it is assigned with, once nothing has proven for a session that it is
    /// this broker's, and asking does not either. Whoever waits for news of it would wait for what happens elsewhere.
    pub async fn unproven(&self, owned: &[(Shard, LeaderEpoch)]) -> ShardId {
        let clock = &self.runtime.clock;
        let begun = clock.instant();
        loop {
            let last = owned.iter().map(|(shard, epoch)| (self.last_proof(shard, *epoch), shard, *epoch));
            let Some((at, shard, epoch)) = last.min_by_key(|(at, ..)| *at).filter(|_| !self.is_alone())
            else {
                return std::future::pending().await;
            };
            // One that has only just been opened was proven by that.
            clock.sleep_until(at.unwrap_or(begun) + self.options.session).await;
            let _one_at_a_time = self.ownership.finding.lock().await;
            if self.last_proof(shard, epoch) != at {
                continue;
            }
            let asked = clock.instant();
            if !self.still_owns(shard, epoch).await {
                return shard.id();
            }
            self.ownership.found.lock().insert(shard.id(), (epoch, asked));
        }
    }

    /// The last moment at which the shard is known to have been this broker's.
    fn last_proof(&self, shard: &Shard, epoch: LeaderEpoch) -> Option<Instant> {
        let found = self.ownership.found.lock().get(&shard.id()).copied();
        let found = found.filter(|(of, _)| *of == epoch).map(|(_, at)| at);
        shard.confirmed_at().max(found)
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
