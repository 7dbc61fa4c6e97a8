//! A store that misbehaves on purpose: slow, failing, silent after a PUT that landed, or landing a PUT late; and stores
//! that break the promises which the self-test asks for. For tests and benchmarks.
//! It knows nothing of who sends the requests, nor of what the objects are.
//! Entry point: [`FaultPlan::wrap`]; [`text`] for the setting that puts faults around the store of a whole process.
//! Invariant: everything random comes from the runtime's generator, and every wait from its clock, so a seed on a paused
//! clock replays.

mod gate;
pub mod text;
mod wrapper;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStore, PutMode, Result};
use parking_lot::Mutex;

use crate::runtime::clock::Instant;
use crate::runtime::{Rng, Runtime};
use gate::Gate;

/// Faults, and how often each happens. Rates are between 0 and 1. The default is a store without faults or latency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// Every request takes this long, and up to `jitter` more.
    pub latency: Duration,
    pub jitter: Duration,
    /// And this much for each MiB written or read.
    pub per_mib: Duration,
    /// Requests that fail without effect.
    pub put_errors: f64,
    pub get_errors: f64,
    pub list_errors: f64,
    pub delete_errors: f64,
    /// PUTs that take effect and report an error.
    pub lost_responses: f64,
    /// PUTs that report an error now and take effect later.
    pub late_puts: Late,
    /// Creates that say that the object exists, without effect, as S3 does when several race.
    pub conflicts: f64,
    /// Requests of any kind that hang and fail then, without effect.
    pub timeouts: Timeouts,
    /// Only paths that contain this text are touched by what is above.
    pub only: Option<String>,
}

/// The rate of requests that hang, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timeouts {
    pub rate: f64,
    pub after: Duration,
}

/// The share of PUTs that are late, and by how much at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Late {
    pub rate: f64,
    pub by: Duration,
}

/// Faults around the store of a whole process, as a setting gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setting {
    pub faults: Faults,
    /// While this file exists, it says what goes wrong; an empty one, or one that cannot be read, is an outage.
    pub control: Option<PathBuf>,
    /// Of a random generator of its own; without it, chance is that of the process.
    pub seed: Option<u64>,
}

/// The fate of a request.
#[derive(Clone, Debug)]
enum Weather {
    Out,
    Faults(Faults),
}

/// One fault for one PUT to come, whatever the rates say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutFault {
    /// Nothing is wrong with this one.
    None,
    /// It fails without effect.
    Error,
    /// It says that the object exists, without effect.
    Conflict,
    /// It finds no room on the disk.
    NoSpace,
    /// It takes effect and reports an error.
    LostResponse,
    /// It reports an error now and takes effect after this time.
    Late(Duration),
    /// It never takes effect, and is never answered.
    Hang,
    /// It takes effect and is never answered.
    Unanswered,
}

/// The way in which a store breaks create-if-absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreateFlaw {
    #[default]
    Atomic,
    /// The condition is ignored.
    Overwrites,
    /// It looks first and writes then: of concurrent creates several succeed.
    SeveralWin,
}

/// The handle on the faults of the stores that it wraps. Cheap to clone; clones are one plan.
#[derive(Clone)]
pub struct FaultPlan {
    shared: Arc<Shared>,
    runtime: Runtime,
}

struct Shared {
    faults: Mutex<Faults>,
    script: Mutex<VecDeque<PutFault>>,
    flaws: Mutex<Flaws>,
    /// By when new objects are seen, if visibility is flawed.
    unseen: Mutex<HashMap<Path, Instant>>,
    outage: AtomicBool,
    held: Gate<bool>,
    contact: Gate<Contact>,
    requests: AtomicU64,
    last: Mutex<Option<(u64, Last)>>,
    control: Option<PathBuf>,
}

/// The line between the process behind a plan and the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    Full,
    /// The process stands still: it sends nothing and hears no answer, but what it sent still takes effect.
    Paused,
    /// The process is gone. What it sent still takes effect.
    Gone,
}

/// The fate of the last request of a process that is gone after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// It never arrives.
    Vanishes,
    /// It takes effect, and nobody hears the answer.
    Lands,
}

#[derive(Clone, Copy, Default)]
struct Flaws {
    create: CreateFlaw,
    forgets_metadata: bool,
    /// The time for which a new object is neither read nor listed.
    unseen_for: Duration,
    /// Only paths that contain this text are touched by flaws.
    only: Option<&'static str>,
}

impl Flaws {
    fn touch(&self, path: &Path) -> bool {
        self.only.is_none_or(|only| path.as_ref().contains(only))
    }
}

impl FaultPlan {
    /// A plan without faults.
    pub fn new(runtime: &Runtime) -> FaultPlan {
        FaultPlan::of(Setting::default(), runtime)
    }

    /// The plan of a setting.
    pub fn of(setting: Setting, runtime: &Runtime) -> FaultPlan {
        let shared = Shared {
            faults: Mutex::new(setting.faults),
            script: Mutex::default(),
            flaws: Mutex::default(),
            unseen: Mutex::default(),
            outage: AtomicBool::new(false),
            held: Gate::new(false),
            contact: Gate::new(Contact::Full),
            requests: AtomicU64::new(0),
            last: Mutex::default(),
            control: setting.control,
        };
        let rng = setting.seed.map_or_else(|| runtime.rng.clone(), Rng::seeded);
        FaultPlan { shared: Arc::new(shared), runtime: Runtime { rng, ..runtime.clone() } }
    }

    /// Puts this plan's faults around a store.
    pub fn wrap(&self, inner: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(wrapper::Faulty::new(inner, self.clone()))
    }

    /// Replaces the rates.
    pub fn set(&self, faults: Faults) {
        *self.shared.faults.lock() = faults;
    }

    /// The next PUTs, of paths that `only` allows, meet these faults, one each.
    pub fn script(&self, faults: impl IntoIterator<Item = PutFault>) {
        self.shared.script.lock().extend(faults);
    }

    /// While true, every request fails at once.
    pub fn outage(&self, outage: bool) {
        self.shared.outage.store(outage, Ordering::Relaxed);
    }

    /// While true, PUTs of paths that `only` allows wait, and go on when it is false again.
    pub fn hold_puts(&self, held: bool) {
        self.shared.held.set(held);
    }

    /// True if requests leave and answers arrive.
    pub fn contact(&self, contact: Contact) {
        self.shared.contact.set(contact);
    }

    /// The process behind this plan is gone at its `number`-th request, counted from the plan's beginning and from 1.
    pub fn gone_at(&self, number: u64, last: Last) {
        *self.shared.last.lock() = Some((number, last));
    }

    /// The number of requests that were begun.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Breaks create-if-absent.
    pub fn flaw_create(&self, flaw: CreateFlaw) {
        self.shared.flaws.lock().create = flaw;
    }

    /// New objects are neither read nor listed for so long.
    pub fn flaw_visibility(&self, unseen_for: Duration) {
        self.shared.flaws.lock().unseen_for = unseen_for;
    }

    /// Flaws touch only paths that contain this text.
    pub fn flaw_only(&self, only: &'static str) {
        self.shared.flaws.lock().only = Some(only);
    }

    /// User metadata of objects is taken and forgotten.
    pub fn forget_metadata(&self, forgets: bool) {
        self.shared.flaws.lock().forgets_metadata = forgets;
    }

    /// Before a request leaves: waits for as long as the process hears nothing of the store.
    async fn leave(&self) {
        self.until_full_contact().await;
        let number = self.shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let last = *self.shared.last.lock();
        if let Some((end, last)) = last
            && number >= end
        {
            self.contact(Contact::Gone);
            if number > end || last == Last::Vanishes {
                self.until_full_contact().await;
            }
        }
    }

    /// Before an answer is heard.
    async fn until_full_contact(&self) {
        self.shared.contact.until(|contact| contact == Contact::Full).await;
    }

    /// The faults for requests of `path` now, or an error while the store is out.
    fn faults_for(&self, path: &Path) -> Result<Faults> {
        match self.weather() {
            Weather::Out => Err(failure("the store is out")),
            Weather::Faults(Faults { only: Some(only), .. }) if !path.as_ref().contains(only.as_str()) => {
                Ok(Faults::default())
            }
            Weather::Faults(faults) => Ok(faults),
        }
    }

    fn weather(&self) -> Weather {
        if self.shared.outage.load(Ordering::Relaxed) {
            return Weather::Out;
        }
        match &self.shared.control {
            Some(control) => text::control(control).unwrap_or_else(|| Weather::Faults(self.rates())),
            None => Weather::Faults(self.rates()),
        }
    }

    fn rates(&self) -> Faults {
        self.shared.faults.lock().clone()
    }

    fn touches(&self, path: &Path) -> bool {
        let faults = self.shared.faults.lock();
        faults.only.as_ref().is_none_or(|only| path.as_ref().contains(only.as_str()))
    }

    fn happens(&self, rate: f64) -> bool {
        const SCALE: u64 = 1 << 32;
        rate > 0.0 && (self.runtime.rng.below(SCALE) as f64) < rate * SCALE as f64
    }

    fn up_to(&self, limit: Duration) -> Duration {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.runtime.rng.below(nanos))
    }

    async fn delay(&self, faults: &Faults, bytes: u64) {
        let transfer = faults.per_mib.mul_f64(bytes as f64 / (1024.0 * 1024.0));
        let delay = faults.latency + self.up_to(faults.jitter) + transfer;
        if !delay.is_zero() {
            self.runtime.clock.sleep(delay).await;
        }
    }

    /// An error while the store is out.
    fn check_outage(&self) -> Result<()> {
        match self.weather() {
            Weather::Out => Err(failure("the store is out")),
            Weather::Faults(_) => Ok(()),
        }
    }

    /// Notes that a PUT took effect.
    fn born(&self, path: &Path, flaws: &Flaws) {
        if !flaws.unseen_for.is_zero() && flaws.touch(path) {
            let seen_from = self.runtime.clock.instant() + flaws.unseen_for;
            self.shared.unseen.lock().entry(path.clone()).or_insert(seen_from);
        }
    }

    /// True if an object is there for nobody yet.
    fn is_unseen(&self, path: &Path) -> bool {
        self.shared.unseen.lock().get(path).is_some_and(|from| self.runtime.clock.instant() < *from)
    }

    /// Hangs and fails, at the rate of timeouts.
    async fn time_out(&self, faults: &Faults) -> Result<()> {
        if !self.happens(faults.timeouts.rate) {
            return Ok(());
        }
        self.runtime.clock.sleep(faults.timeouts.after).await;
        Err(failure("timed out"))
    }

    fn put_fault(&self, path: &Path, mode: &PutMode, faults: &Faults) -> PutFault {
        if self.touches(path)
            && let Some(fault) = self.shared.script.lock().pop_front()
        {
            return fault;
        }
        if matches!(mode, PutMode::Create) && self.happens(faults.conflicts) {
            PutFault::Conflict
        } else if self.happens(faults.put_errors) {
            PutFault::Error
        } else if self.happens(faults.lost_responses) {
            PutFault::LostResponse
        } else if self.happens(faults.late_puts.rate) {
            PutFault::Late(self.up_to(faults.late_puts.by))
        } else {
            PutFault::None
        }
    }

    async fn wait_while_held(&self, path: &Path) {
        if self.touches(path) {
            self.shared.held.until(|held| !held).await;
        }
    }
}

impl fmt::Debug for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultPlan").field("faults", &*self.shared.faults.lock()).finish_non_exhaustive()
    }
}

fn failure(what: &'static str) -> Error {
    Error::Generic { store: "faulty", source: what.into() }
}
