//! The shards that this broker serves: opened, told of their partitions, and closed as the metadata says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, watch};

use super::load::Loads;
use super::metrics::Metrics;
use super::ownership::Ownership;
use super::release::Handover;
use super::standing;
use super::taken::Taken;
use crate::log::{Cause, Damage, Limits, OpenError, OpeningTime, Shard, ShardOptions, Shared, Unable};
use crate::metadata::{self, Command, Image, Metadata};
use crate::runtime::clock::Instant;
use crate::runtime::{Runtime, TaskKind};
use crate::settings::BrokerSettings;
use crate::store::Store;
use crate::types::{BrokerId, LeaderEpoch, ShardId};

/// The time for which to wait before a shard that did not open is tried again.
const REOPEN_AFTER: Duration = Duration::from_millis(500);

/// The same of a shard that was damaged: somebody may put back what is missing.
const REOPEN_DAMAGED_AFTER: Duration = Duration::from_secs(10);

/// The needs of a host.
pub struct HostOptions {
    pub limits: Limits,
    /// The greatest age of a proof of ownership for answers that clients act upon (`BROKER_SESSION_TIMEOUT_MS`).
    pub session: Duration,
    /// Broker configs by their Kafka names, as the process was started with.
    pub configs: BTreeMap<String, String>,
    pub store: Store,
    pub shared: Shared,
}

/// The shards of this broker.
pub struct ShardHost {
    pub(super) metadata: Metadata,
    pub(super) runtime: Runtime,
    pub(super) options: HostOptions,
    pub(super) hosted: RwLock<BTreeMap<ShardId, Hosted>>,
    /// Whoever is told of shards that open.
    followers: RwLock<Vec<mpsc::UnboundedSender<Shard>>>,
    /// Shards that were assigned with this epoch, and refused.
    pub(super) damaged: RwLock<BTreeMap<ShardId, (LeaderEpoch, Damage)>>,
    /// Set once the metadata was found to be damaged: what it says of any shard is not to be trusted.
    suspect: RwLock<Option<Damage>>,
    /// The newest image whose partitions all hosted shards know.
    pub(super) served: watch::Sender<Arc<Image>>,
    pub(super) ownership: Ownership,
    pub(super) handover: Handover,
    pub(super) loads: Mutex<Loads>,
    taken: Mutex<Taken>,
}

pub(super) struct Hosted {
    pub epoch: LeaderEpoch,
    pub state: Hosting,
}

/// A shard that is assigned to this broker, as far as it is there.
pub(super) enum Hosting {
    /// Not open since it was assigned, and why. Whoever waits for it is told of a refusal, and by the end of the channel of
    /// everything else.
    Opening(Unable, watch::Sender<()>),
    Open(Shard),
    /// To be given away: it serves until there is little left to do.
    Flushing(Shard),
    /// It finishes, and closes.
    Releasing,
    /// It is closed, and waits for another owner.
    Released,
}

impl Hosted {
    pub fn shard(&self) -> Option<&Shard> {
        match &self.state {
            Hosting::Open(shard) | Hosting::Flushing(shard) => Some(shard),
            Hosting::Opening(..) | Hosting::Releasing | Hosting::Released => None,
        }
    }

    pub fn into_shard(self) -> Option<Shard> {
        match self.state {
            Hosting::Open(shard) | Hosting::Flushing(shard) => Some(shard),
            Hosting::Opening(..) | Hosting::Releasing | Hosting::Released => None,
        }
    }

    fn opening(epoch: LeaderEpoch, since: Instant) -> Hosted {
        let unable = Unable { since, cause: Cause::Opening(None) };
        Hosted { epoch, state: Hosting::Opening(unable, watch::Sender::default()) }
    }
}

impl ShardHost {
    pub fn new(metadata: Metadata, options: HostOptions, runtime: Runtime) -> Arc<ShardHost> {
        let (served, _) = watch::channel(Arc::new(Image::empty()));
        let ownership = Ownership::new(&runtime.clock, Metrics::register(&runtime.metrics));
        let now = runtime.clock.instant();
        Arc::new(ShardHost {
            metadata,
            runtime,
            options,
            hosted: RwLock::default(),
            followers: RwLock::default(),
            damaged: RwLock::default(),
            suspect: RwLock::default(),
            served,
            ownership,
            handover: Handover::new(now),
            loads: Mutex::default(),
            taken: Mutex::default(),
        })
    }

    /// The newest image that requests can be served by: hosted shards know every partition in it.
    pub fn image(&self) -> Arc<Image> {
        self.served.borrow().clone()
    }

    /// True of a broker that clients are told of: one that lives, or was given up only a moment ago.
    pub fn is_told_of(&self, image: &Image, broker: BrokerId) -> bool {
        image.is_live(broker) || self.taken.lock().is_told(broker, self.runtime.clock.instant())
    }

    /// Waits until [`ShardHost::image`] is as new as the Raft index `index`.
    pub async fn caught_up(&self, index: u64) {
        let mut served = self.served.subscribe();
        // The sender is part of `self`, so waiting cannot fail.
        let _ = served.wait_for(|image| image.index >= index).await;
    }

    /// A shard that is assigned to this broker with `epoch` and was opened.
    pub fn shard(&self, id: ShardId, epoch: LeaderEpoch) -> Option<Shard> {
        let hosted = self.hosted.read();
        hosted.get(&id).filter(|hosted| hosted.epoch == epoch).and_then(|hosted| hosted.shard().cloned())
    }

    /// The same, waited for while its first opening with this epoch has taken no longer than `patience`. `None` as soon as it
    /// is refused, or assigned anew.
    pub async fn shard_soon(&self, id: ShardId, epoch: LeaderEpoch, patience: Duration) -> Option<Shard> {
        loop {
            let (deadline, mut news) = {
                let hosted = self.hosted.read();
                match &hosted.get(&id).filter(|hosted| hosted.epoch == epoch)?.state {
                    Hosting::Open(shard) | Hosting::Flushing(shard) => return Some(shard.clone()),
                    Hosting::Opening(unable, news) => (unable.since + patience, news.subscribe()),
                    Hosting::Releasing | Hosting::Released => return None,
                }
            };
            if self.damage(id, epoch).is_some() {
                return None;
            }
            let told = self.runtime.clock.timeout_at(deadline, news.changed());
            tokio::select! {
                () = self.runtime.shutdown.requested() => return None,
                // The end of the channel is news too.
                told = told => drop(told.ok()?),
            }
        }
    }

    /// Why a shard that is assigned to this broker with `epoch` is refused, if it was damaged.
    pub fn damage(&self, id: ShardId, epoch: LeaderEpoch) -> Option<Damage> {
        if let Some(shard) = self.shard(id, epoch) {
            return shard.damage();
        }
        let damaged = self.damaged.read();
        damaged.get(&id).filter(|(found, _)| *found == epoch).map(|(_, damage)| damage.clone())
    }

    /// The shards that are open, for status and metrics.
    pub fn open_shards(&self) -> Vec<Shard> {
        self.hosted.read().values().filter_map(|hosted| hosted.shard().cloned()).collect()
    }

    /// The shards that are open now, and those that open from now on. A shard that ends and opens again here is not told of
    /// anew: it says so itself ([`Shard::opened_after`]).
    pub fn follow_shards(&self) -> mpsc::UnboundedReceiver<Shard> {
        let (follower, shards) = mpsc::unbounded_channel();
        // Held, so that none is missed in between.
        let hosted = self.hosted.read();
        for shard in hosted.values().filter_map(|hosted| hosted.shard().cloned()) {
            let _ = follower.send(shard);
        }
        self.followers.write().push(follower);
        shards
    }

    /// All shards that are assigned to this broker, and why they cannot serve, if they cannot.
    pub fn states(&self) -> Vec<(ShardId, Option<Unable>)> {
        let unable = |hosted: &Hosted| match &hosted.state {
            Hosting::Opening(unable, _) => Some(unable.clone()),
            Hosting::Open(shard) | Hosting::Flushing(shard) => shard.unable(),
            Hosting::Releasing | Hosting::Released => None,
        };
        self.hosted.read().iter().map(|(id, hosted)| (*id, unable(hosted))).collect()
    }

    /// True once every shard has an owner, and those of this broker are open, or refused for good.
    pub fn is_ready(&self) -> bool {
        let image = self.image();
        let ours = Some(self.metadata.owner());
        // A shard whose owner is an earlier life of a broker is about to be assigned anew, perhaps to this one.
        let settled = |shard: &metadata::Shard| {
            shard.owner.is_some_and(|owner| {
                image.broker(owner.broker).is_some_and(|broker| broker.incarnation == owner.incarnation)
            })
        };
        image.is_formed()
            && image.shards.iter().all(|(id, shard)| {
                settled(shard)
                    && (shard.owner != ours
                        || self.shard(*id, shard.epoch).is_some()
                        || self.damage(*id, shard.epoch).is_some())
            })
    }

    /// The configs that can change while it runs, as this broker obeys them now.
    pub fn broker_settings(&self, image: &Image) -> BrokerSettings {
        let own = self.metadata.broker_id();
        image.configs.with_layers(own, &self.options.configs, BrokerSettings::effective)
    }

    /// Follows the image until shutdown.
    pub async fn run(self: Arc<Self>) {
        let mut images = self.metadata.subscribe();
        let mut known = Arc::new(Image::empty());
        loop {
            let image = images.borrow_and_update().clone();
            self.follow(&known, &image);
            self.taken.lock().look(&known, &image, self.runtime.clock.instant());
            self.served.send_replace(image.clone());
            known = image;
            tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                changed = images.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Closes every shard: what was taken is finished.
    pub async fn close(&self) {
        let shards = self.open_shards();
        futures::future::join_all(shards.iter().map(Shard::close)).await;
    }

    fn follow(self: &Arc<Self>, known: &Image, image: &Image) {
        let assigned: BTreeMap<ShardId, LeaderEpoch> =
            image.shards_of(self.metadata.owner()).map(|(id, shard)| (id, shard.epoch)).collect();
        self.leave(image, &assigned);
        for (id, epoch) in &assigned {
            let is_new = self.hosted.read().get(id).is_none_or(|hosted| hosted.epoch != *epoch);
            if is_new {
                let hosted = Hosted::opening(*epoch, self.runtime.clock.instant());
                self.hosted.write().insert(*id, hosted);
                self.runtime.tasks.spawn(TaskKind::ShardSupervisor, self.clone().open(*id, *epoch));
            }
        }
        self.serve_under(image);
        self.introduce_changed(known, image);
        for (id, topic) in image.deleted.iter() {
            if known.deleted.get(id).is_none() {
                self.remove_data(*id, topic);
            }
        }
    }

    /// Opens a shard, trying again for as long as it is assigned with this epoch.
    async fn open(self: Arc<Self>, id: ShardId, epoch: LeaderEpoch) {
        drop(self.turn(id).lock_owned().await);
        let options = self.shard_options(id, epoch);
        let (mut doubted, mut pause) = (false, REOPEN_AFTER);
        loop {
            if let Some(damage) = self.suspect.read().clone() {
                return self.refuse(id, epoch, damage);
            }
            let opening = Shard::open(
                ShardOptions { doubted, ..options.clone() },
                self.options.store.clone(),
                self.options.shared.clone(),
            );
            let opened = tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                opened = opening => opened,
            };
            match opened {
                Ok(shard) => return self.opened(id, epoch, shard).await,
                Err(OpenError::Damaged(damage)) if damage.object == self.folder() => {
                    return self.distrust(&damage);
                }
                Err(OpenError::Damaged(damage)) => {
                    if !doubted {
                        tracing::error!(shard = %id, %damage, "{}", Damage::ADVICE);
                    }
                    self.refuse(id, epoch, damage);
                    (doubted, pause) = (true, REOPEN_DAMAGED_AFTER);
                }
                Err(error) => self.did_not_open(id, epoch, &error.to_string()),
            }
            if !self.is_assigned(id, epoch) {
                return;
            }
            tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                () = self.runtime.clock.sleep(pause) => {}
            }
        }
    }

    fn refuse(&self, id: ShardId, epoch: LeaderEpoch, damage: Damage) {
        self.did_not_open(id, epoch, &damage.to_string());
        self.damaged.write().insert(id, (epoch, damage));
        if let Some(Hosted { state: Hosting::Opening(_, news), .. }) = self.hosted.read().get(&id) {
            news.send_replace(());
        }
        self.handover.news.notify_one();
    }

    /// Refuses all shards, since one has seen newer metadata than this. Others that have not would go on under what is not what
    /// happened, and could not go back.
    fn distrust(&self, damage: &Damage) {
        if self.suspect.write().replace(damage.clone()).is_some() {
            return;
        }
        tracing::error!(
            %damage,
            "the metadata was damaged, and no shard is served: put back what the store held before, as it \
             was (older versions of the objects, a backup), and start the broker again; or stop it and see \
             `kafkaesque storage repair --metadata`"
        );
        let ids: Vec<(ShardId, LeaderEpoch)> =
            self.hosted.read().iter().map(|(id, hosted)| (*id, hosted.epoch)).collect();
        for (id, epoch) in ids {
            let opening = Hosted::opening(epoch, self.runtime.clock.instant());
            let before = self.hosted.write().insert(id, opening);
            self.refuse(id, epoch, damage.clone());
            if let Some(shard) = before.and_then(Hosted::into_shard) {
                self.close_shard(shard);
            }
        }
    }

    /// The folder of the metadata in the store.
    fn folder(&self) -> String {
        self.metadata.folder().to_string()
    }

    fn did_not_open(&self, id: ShardId, epoch: LeaderEpoch, reason: &str) {
        if let Some(Hosted { epoch: current, state: Hosting::Opening(unable, _) }) =
            self.hosted.write().get_mut(&id)
            && *current == epoch
        {
            // The same again is no news.
            let cause = Cause::Opening(Some(reason.into()));
            if unable.cause != cause {
                tracing::warn!(shard = %id, reason, "shard did not open; it will be tried again");
            }
            unable.cause = cause;
        }
    }

    async fn opened(&self, id: ShardId, epoch: LeaderEpoch, shard: Shard) {
        // Held while partitions are introduced, so that no newer image is missed in between.
        let unwanted = {
            let mut hosted = self.hosted.write();
            let is_trusted = self.suspect.read().is_none();
            let is_wanted = |hosted: &&mut Hosted| {
                hosted.epoch == epoch && matches!(hosted.state, Hosting::Opening(..)) && is_trusted
            };
            match hosted.get_mut(&id).filter(is_wanted) {
                Some(hosted) => {
                    self.damaged.write().remove(&id);
                    let image = self.metadata.image();
                    shard.set_producer_expiration(self.broker_settings(&image).producer_expiration);
                    ShardHost::tell_metadata(&image, &shard, id);
                    for topic in image.topics.iter() {
                        self.introduce(&image, topic, &shard, id, epoch);
                    }
                    // Whoever does not listen any more has ended.
                    self.followers.write().retain(|follower| follower.send(shard.clone()).is_ok());
                    if let Hosting::Opening(unable, _) = &hosted.state {
                        let took = self.runtime.clock.instant().saturating_duration_since(unable.since);
                        self.ownership.metrics.opening_seconds.observe(took.as_secs_f64());
                    }
                    hosted.state = Hosting::Open(shard);
                    None
                }
                None => Some(shard),
            }
        };
        match unwanted {
            Some(shard) => {
                shard.close().await;
                if let Some(damage) = self.suspect.read().clone() {
                    self.refuse(id, epoch, damage);
                }
            }
            None => {
                self.handover.news.notify_one();
                self.tell_opened(id);
                let image = self.metadata.image();
                for (topic, deleted) in image.deleted.iter() {
                    self.remove_data(*topic, deleted);
                }
            }
        }
    }

    fn shard_options(&self, id: ShardId, epoch: LeaderEpoch) -> ShardOptions {
        let confirm_owner = standing::ask(self.metadata.clone(), epoch, &self.folder());
        ShardOptions {
            id,
            confirm_owner,
            limits: self.options.limits,
            doubted: false,
            opening_time: OpeningTime::default(),
        }
    }

    fn is_assigned(&self, id: ShardId, epoch: LeaderEpoch) -> bool {
        let is_opening =
            |hosted: &Hosted| hosted.epoch == epoch && matches!(hosted.state, Hosting::Opening(..));
        self.hosted.read().get(&id).is_some_and(is_opening)
    }

    /// Has the metadata know how far the shard is. Nobody waits for it, and the next opening makes up for it.
    fn tell_opened(&self, id: ShardId) {
        let opened = self.hosted.read().get(&id).and_then(|hosted| hosted.shard()?.status().epoch);
        let Some(epoch) = opened else { return };
        let metadata = self.metadata.clone();
        self.runtime.tasks.spawn(TaskKind::ShardSupervisor, async move {
            if let Err(error) = metadata.propose(Command::ShardOpened { shard: id, epoch }).await {
                tracing::debug!(shard = %id, %error, "the metadata was not told of the opening");
            }
        });
    }
}
