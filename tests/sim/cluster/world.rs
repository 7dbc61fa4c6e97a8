//! A cluster of brokers on one store and one network, and what its clients were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kafkaesque::metadata::{Image, Metadata, Refused, SNAPSHOT_LOG_BYTES, StartError};
use kafkaesque::protocol::codec::Request;
use kafkaesque::runtime::{Runtime, TaskKind};
use kafkaesque::store::faults::{Contact, Faults};
use kafkaesque::types::BrokerId;
use object_store::memory::InMemory;
use parking_lot::Mutex;

use super::carrier::Carriers;
use super::host::Host;
use super::levels;
use super::members;
use super::network::Network;
use super::owners;
use super::process::{Body, MOST_BROKERS, Process, Setup, Surroundings};
use super::shards;
use super::told::Told;
use crate::truth::{Check, Violation};

/// The longest that a client waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// Wall clocks differ by up to this much, either way.
pub const SKEW_MS: u64 = 30_000;
/// The time at which a world begins.
pub const BEGIN_MS: i64 = 1_700_000_000_000;

/// The work of clients at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Working,
    /// Nothing new is begun: what was begun comes to its end.
    Settling,
}

/// A cluster. Cheap to clone.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    runtime: Runtime,
    around: Surroundings,
    faults: Mutex<Faults>,
    seats: Mutex<BTreeMap<i32, Seat>>,
    /// Brokers that are to be there.
    wanted: Mutex<BTreeSet<i32>>,
    /// Brokers that nobody writes to.
    shunned: Mutex<BTreeSet<i32>>,
    told: Mutex<Told>,
    phase: Mutex<Phase>,
    problem: Mutex<Option<String>>,
    events: Mutex<Vec<String>>,
}

/// A broker, as one process after the other.
struct Seat {
    body: Body,
    process: Option<Process>,
}

impl World {
    pub fn new(seed: u64, setup: Setup) -> World {
        let runtime = Runtime::simulated(seed);
        let network = Network::new(&runtime);
        let around = Surroundings {
            objects: Arc::new(InMemory::new()),
            carriers: Carriers::new(&network, setup.is_streamed),
            network,
            setup,
            formed: Arc::new(AtomicBool::new(false)),
            snapshot_log_bytes: Arc::new(AtomicU64::new(SNAPSHOT_LOG_BYTES)),
        };
        World(Arc::new(Inner {
            runtime,
            around,
            faults: Mutex::default(),
            seats: Mutex::default(),
            wanted: Mutex::new((0..setup.founders).collect()),
            shunned: Mutex::default(),
            told: Mutex::default(),
            phase: Mutex::new(Phase::Working),
            problem: Mutex::default(),
            events: Mutex::default(),
        }))
    }

    pub fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    pub fn network(&self) -> &Network {
        &self.0.around.network
    }

    /// Those that are to be there.
    pub fn brokers(&self) -> Vec<i32> {
        self.0.wanted.lock().iter().copied().collect()
    }

    /// Those whose process may be there, removed or not.
    pub fn everybody(&self) -> Vec<i32> {
        self.0.seats.lock().keys().copied().collect()
    }

    /// One of those that are to be there, by a number.
    pub fn broker(&self, number: u64) -> i32 {
        let brokers = self.brokers();
        brokers[(number % brokers.len() as u64) as usize]
    }

    /// Brokers that start from now on make snapshots of the metadata after so many bytes of its log.
    pub fn set_snapshots(&self, log_bytes: u64) {
        self.0.around.snapshot_log_bytes.store(log_bytes, Ordering::Relaxed);
    }

    /// There is a cluster, which others may join.
    pub fn is_formed(&self) {
        self.0.around.formed.store(true, Ordering::Relaxed);
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.0.runtime.rng.below(bound)
    }

    pub async fn sleep_ms(&self, millis: u64) {
        self.0.runtime.clock.sleep(Duration::from_millis(millis)).await;
    }

    pub fn note(&self, event: String) {
        self.0.events.lock().push(format!("{} {event}", self.now_ms() - BEGIN_MS));
    }

    /// The time of clients: brokers' clocks differ from it.
    pub fn now_ms(&self) -> i64 {
        self.0.runtime.clock.now_ms()
    }

    pub fn events(&self) -> Vec<String> {
        self.0.events.lock().clone()
    }

    /// Notes the first broken promise.
    pub fn judge(&self, check: Check) {
        if let Err(violation) = check {
            let (Violation::Promise(problem) | Violation::Stuck(problem)) = violation;
            self.note(format!("WRONG: {problem}"));
            self.0.problem.lock().get_or_insert(problem);
        }
    }

    pub fn problem(&self) -> Option<String> {
        self.0.problem.lock().clone()
    }

    pub fn told<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.0.told.lock())
    }

    pub fn phase(&self) -> Phase {
        *self.0.phase.lock()
    }

    pub fn settle(&self) {
        *self.0.phase.lock() = Phase::Settling;
    }

    /// Faults of every broker's store, of those too that start later.
    pub fn set_faults(&self, faults: Faults) {
        *self.0.faults.lock() = faults.clone();
        for seat in self.0.seats.lock().values() {
            seat.body.faults.set(faults.clone());
        }
    }

    /// Starts a broker's next process, again and again until it has joined or another takes its place.
    pub fn start(&self, id: i32) {
        let skew_ms = self.below(2 * SKEW_MS) as i64 - SKEW_MS as i64;
        let level = self.told(|told| told.levels.of(id));
        let body = Body::new(BrokerId(id), self.0.runtime.rng.u64(), skew_ms, level);
        body.faults.set(self.0.faults.lock().clone());
        self.note(format!("{id} starts, {skew_ms} ms ahead, of level {level}"));
        self.0.seats.lock().insert(id, Seat { body: body.clone(), process: None });
        let world = self.clone();
        self.0.runtime.tasks.spawn(TaskKind::Request, async move {
            let watch = |host: Host, metadata: Metadata| {
                world.spawn(members::watch_voters(world.clone(), host, metadata));
            };
            match body.start(&world.0.around, watch).await {
                Ok(process) => {
                    let incarnation = process.metadata.incarnation();
                    world.note(format!("{id} is there, as {incarnation}"));
                    let check = world.told(|told| told.members.started(process.id, incarnation));
                    world.judge(check);
                    world.spawn(owners::watch(world.clone(), process.clone()));
                    world.spawn(levels::watch(world.clone(), process.clone()));
                    world.spawn(shards::watch(world.clone(), process.clone()));
                    world.spawn(members::watch_brokers(world.clone(), process.clone()));
                    if let Some(seat) =
                        world.0.seats.lock().get_mut(&id).filter(|seat| !seat.body.condition.is_gone())
                    {
                        seat.process = Some(process);
                    }
                }
                Err(error) => {
                    world.note(format!("{id} does not start: {error}"));
                    if matches!(
                        error,
                        StartError::TooOld { .. } | StartError::Refused(Refused::TooOld { .. })
                    ) {
                        world.told(|told| told.levels.set(id, levels::NEW));
                    }
                    body.runtime.shutdown.request();
                }
            }
        });
    }

    pub fn body(&self, id: i32) -> Option<Body> {
        self.0.seats.lock().get(&id).map(|seat| seat.body.clone())
    }

    pub fn process(&self, id: i32) -> Option<Process> {
        let seats = self.0.seats.lock();
        seats.get(&id)?.process.clone().filter(|process| !process.condition.is_gone())
    }

    /// The process of a broker is gone at once.
    pub fn kill(&self, id: i32) {
        let Some(body) = self.body(id).filter(|body| !body.condition.is_gone()) else { return };
        self.note(format!("{id} is killed"));
        let process = self.process(id);
        body.stand(Contact::Gone);
        if let Some(process) = process {
            self.0.runtime.tasks.spawn(TaskKind::Request, async move { process.close().await });
        }
    }

    /// Processes that ended by themselves are gone.
    pub fn bury(&self) {
        for id in self.everybody() {
            let Some(body) = self.body(id) else { continue };
            if body.runtime.shutdown.is_requested() && !body.condition.is_gone() {
                self.note(format!("{id} ended: {:?}", body.runtime.tasks.failure()));
                self.kill(id);
            }
        }
    }

    /// Of those that are gone, each starts again with a chance of one in so many.
    pub fn restart(&self, one_in: u64) {
        for id in self.brokers() {
            if self.is_gone(id) && self.below(one_in) == 0 {
                self.start(id);
            }
        }
    }

    /// Starts whatever is gone, from now on.
    pub fn keep_everybody(&self) {
        let world = self.clone();
        self.spawn(async move {
            loop {
                world.bury();
                world.restart(1);
                world.sleep_ms(100).await;
            }
        });
    }

    /// A broker that is not there yet, or was removed, joins. None if all are there.
    pub fn join(&self) -> Option<i32> {
        let joining = (0..MOST_BROKERS).find(|id| self.0.wanted.lock().insert(*id))?;
        self.kill(joining);
        self.note(format!("{joining} joins"));
        self.start(joining);
        Some(joining)
    }

    /// The metadata knows a broker no more: nobody starts it again.
    pub fn removed(&self, id: BrokerId) {
        self.note(format!("{id} is removed"));
        self.0.wanted.lock().remove(&id.0);
    }

    /// The broker gives its shards away, and stops. One that still starts has none.
    pub fn leave(&self, id: i32) {
        let Some(process) = self.process(id) else { return self.kill(id) };
        self.note(format!("{id} leaves"));
        let world = self.clone();
        self.spawn(async move {
            process.shards.leave_cluster(Duration::from_secs(10)).await;
            process.shards.close().await;
            process.close().await;
            if !process.condition.is_gone() {
                world.note(format!("{id} has left"));
                process.runtime.shutdown.request();
            }
        });
    }

    pub fn hold_puts(&self, id: i32, held: bool) {
        if let Some(body) = self.body(id) {
            body.faults.hold_puts(held);
        }
    }

    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
        self.0.runtime.tasks.spawn(TaskKind::Request, future)
    }

    /// The outcome of what a process does by itself, if it runs at both ends of that and somebody waits so long.
    pub async fn while_running<T>(&self, process: &Process, work: impl Future<Output = T>) -> Option<T> {
        let done = async {
            process.condition.runs().await;
            let done = work.await;
            process.condition.runs().await;
            done
        };
        self.0.runtime.clock.timeout(4 * PATIENCE, done).await.ok()
    }

    /// The broker that leads the metadata, or thinks so.
    pub fn leader(&self) -> Option<i32> {
        self.everybody()
            .into_iter()
            .find(|id| self.process(*id).is_some_and(|process| process.metadata.leads()))
    }

    /// The newest image that anybody has.
    pub fn newest_image(&self) -> Option<Arc<Image>> {
        let processes = self.everybody().into_iter().filter_map(|id| self.process(id));
        processes.map(|process| process.metadata.image()).max_by_key(|image| image.index)
    }

    /// Nothing passes between a broker and the others for a while.
    pub fn isolate(&self, id: i32, millis: u64, is_shunned: bool) {
        self.note(format!("{id} is alone for {millis} ms, and shunned: {is_shunned}"));
        for peer in (0..MOST_BROKERS).filter(|peer| *peer != id) {
            self.network().cut(BrokerId(id), BrokerId(peer));
            self.network().cut(BrokerId(peer), BrokerId(id));
        }
        if is_shunned {
            self.0.shunned.lock().insert(id);
        }
        let world = self.clone();
        self.spawn(async move {
            world.sleep_ms(millis).await;
            world.note(format!("{id} is alone no more"));
            world.network().rejoin(BrokerId(id));
            world.0.shunned.lock().remove(&id);
        });
    }

    /// True if nobody writes to the broker.
    pub fn is_shunned(&self, id: BrokerId) -> bool {
        self.0.shunned.lock().contains(&id.0)
    }

    pub fn is_gone(&self, id: i32) -> bool {
        self.body(id).is_none_or(|body| body.condition.is_gone())
    }

    pub fn contact(&self, id: i32, contact: Contact) {
        if let Some(body) = self.body(id).filter(|body| !body.condition.is_gone()) {
            self.note(format!("{id} {contact:?}"));
            body.stand(contact);
        }
    }

    /// One of the processes that are there, whether they run or not.
    pub fn somebody(&self) -> Option<Process> {
        let there: Vec<Process> = self.everybody().into_iter().filter_map(|id| self.process(id)).collect();
        let which = self.below(there.len() as u64) as usize;
        there.into_iter().nth(which)
    }

    /// A client's question, and the answer that it hears.
    pub async fn ask<R: Request>(&self, process: &Process, request: R, version: i16) -> Option<R::Response>
    where
        R::Response: Send + 'static,
    {
        self.ask_for(process, request, version, PATIENCE).await
    }

    /// The same, of a client that waits so long.
    pub async fn ask_for<R: Request>(
        &self,
        process: &Process,
        request: R,
        version: i16,
        patience: Duration,
    ) -> Option<R::Response>
    where
        R::Response: Send + 'static,
    {
        self.ask_all(process, vec![request], version, patience).await.pop().flatten()
    }

    pub async fn ask_all<R: Request>(
        &self,
        process: &Process,
        requests: Vec<R>,
        version: i16,
        patience: Duration,
    ) -> Vec<Option<R::Response>>
    where
        R::Response: Send + 'static,
    {
        self.sleep_ms(self.below(4)).await;
        if process.condition.is_gone() {
            self.sleep_ms(5).await;
            return requests.iter().map(|_| None).collect();
        }
        let answers = process.ask_all(requests, version, patience).await;
        self.sleep_ms(self.below(4)).await;
        answers
    }
}
