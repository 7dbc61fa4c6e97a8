//! A store that misbehaves on purpose: slow, failing, silent after a PUT that landed, or landing a PUT late; and stores
//! that break the promises which the self-test asks for. For tests and benchmarks: no setting leads here, only
//! [`FaultPlan::wrap`]. Everything random comes from the runtime's generator, and every wait from its clock, so a seed
//! on a paused clock replays.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::runtime::{Runtime, TaskKind};

/// What goes wrong, how often. Rates are between 0 and 1. The default is a store without faults or latency.
#[derive(Clone, Debug, Default)]
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
    /// PUTs that report an error now and take effect after up to `late_by`.
    pub late_puts: f64,
    pub late_by: Duration,
    /// Only paths that contain this text are touched by what is above.
    pub only: Option<String>,
}

/// One fault for one PUT to come, whatever the rates say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutFault {
    /// Nothing is wrong with this one.
    None,
    /// It fails without effect.
    Error,
    /// It takes effect and reports an error.
    LostResponse,
    /// It reports an error now and takes effect after this time.
    Late(Duration),
}

/// How a store breaks create-if-absent.
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
    outage: watch::Sender<bool>,
    held: watch::Sender<bool>,
}

#[derive(Clone, Copy, Default)]
struct Flaws {
    create: CreateFlaw,
    forgets_metadata: bool,
}

impl FaultPlan {
    /// A plan without faults.
    pub fn new(runtime: &Runtime) -> FaultPlan {
        let shared = Shared {
            faults: Mutex::default(),
            script: Mutex::default(),
            flaws: Mutex::default(),
            outage: watch::Sender::new(false),
            held: watch::Sender::new(false),
        };
        FaultPlan { shared: Arc::new(shared), runtime: runtime.clone() }
    }

    /// Puts this plan's faults around a store.
    pub fn wrap(&self, inner: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Faulty { inner, plan: self.clone() })
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
        self.shared.outage.send_replace(outage);
    }

    /// While true, PUTs of paths that `only` allows wait, and go on when it is false again.
    pub fn hold_puts(&self, held: bool) {
        self.shared.held.send_replace(held);
    }

    /// Breaks create-if-absent.
    pub fn flaw_create(&self, flaw: CreateFlaw) {
        self.shared.flaws.lock().create = flaw;
    }

    /// User metadata of objects is taken and forgotten.
    pub fn forget_metadata(&self, forgets: bool) {
        self.shared.flaws.lock().forgets_metadata = forgets;
    }

    fn faults_for(&self, path: &Path) -> Faults {
        let faults = self.shared.faults.lock().clone();
        match &faults.only {
            Some(only) if !path.as_ref().contains(only.as_str()) => Faults::default(),
            _ => faults,
        }
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

    fn check_outage(&self) -> Result<()> {
        if *self.shared.outage.borrow() { Err(failure("the store is out")) } else { Ok(()) }
    }

    fn put_fault(&self, path: &Path, faults: &Faults) -> PutFault {
        if self.touches(path)
            && let Some(fault) = self.shared.script.lock().pop_front()
        {
            return fault;
        }
        if self.happens(faults.put_errors) {
            PutFault::Error
        } else if self.happens(faults.lost_responses) {
            PutFault::LostResponse
        } else if self.happens(faults.late_puts) {
            PutFault::Late(self.up_to(faults.late_by))
        } else {
            PutFault::None
        }
    }

    async fn wait_while_held(&self, path: &Path) {
        if self.touches(path) {
            // The sender lives as long as the plan, so waiting ends only when PUTs are let go.
            let _ = self.shared.held.subscribe().wait_for(|held| !held).await;
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

#[derive(Debug)]
struct Faulty {
    inner: Arc<dyn ObjectStore>,
    plan: FaultPlan,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

impl Faulty {
    /// The PUT itself, with the flaws of the store.
    async fn put(
        inner: &Arc<dyn ObjectStore>,
        plan: &FaultPlan,
        location: &Path,
        payload: PutPayload,
        mut opts: PutOptions,
    ) -> Result<PutResult> {
        let flaws = *plan.shared.flaws.lock();
        if flaws.forgets_metadata {
            opts.attributes = object_store::Attributes::default();
        }
        if matches!(opts.mode, PutMode::Create) {
            match flaws.create {
                CreateFlaw::Atomic => {}
                CreateFlaw::Overwrites => opts.mode = PutMode::Overwrite,
                CreateFlaw::SeveralWin => {
                    if inner.head(location).await.is_ok() {
                        let source = "it was seen before".into();
                        return Err(Error::AlreadyExists { path: location.to_string(), source });
                    }
                    tokio::task::yield_now().await;
                    opts.mode = PutMode::Overwrite;
                }
            }
        }
        inner.put_opts(location, payload, opts).await
    }

    fn land_later(&self, after: Duration, location: &Path, payload: PutPayload, opts: PutOptions) {
        let (inner, plan, location) = (Arc::clone(&self.inner), self.plan.clone(), location.clone());
        let runtime = self.plan.runtime.clone();
        self.plan.runtime.tasks.spawn(TaskKind::SegmentUpload, async move {
            runtime.clock.sleep(after).await;
            // Nobody waits for the outcome: that is what makes it late.
            let _ = Faulty::put(&inner, &plan, &location, payload, opts).await;
        });
    }

    async fn before(&self, path: &Path, rate: fn(&Faults) -> f64) -> Result<Faults> {
        self.plan.check_outage()?;
        let faults = self.plan.faults_for(path);
        self.plan.delay(&faults, 0).await;
        self.plan.check_outage()?;
        if self.plan.happens(rate(&faults)) { Err(failure("failed by plan")) } else { Ok(faults) }
    }

    fn list_behind(
        &self,
        prefix: Option<&Path>,
        entries: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let this = Faulty { inner: Arc::clone(&self.inner), plan: self.plan.clone() };
        let prefix = prefix.cloned().unwrap_or_default();
        async move {
            match this.before(&prefix, |faults| faults.list_errors).await {
                Ok(_) => entries,
                Err(error) => futures::stream::iter([Err(error)]).boxed(),
            }
        }
        .flatten_stream()
        .boxed()
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let plan = &self.plan;
        plan.check_outage()?;
        plan.wait_while_held(location).await;
        let faults = plan.faults_for(location);
        let fault = plan.put_fault(location, &faults);
        plan.delay(&faults, payload.content_length() as u64).await;
        plan.check_outage()?;
        match fault {
            PutFault::None => Faulty::put(&self.inner, plan, location, payload, opts).await,
            PutFault::Error => Err(failure("failed by plan")),
            PutFault::LostResponse => {
                Faulty::put(&self.inner, plan, location, payload, opts).await?;
                Err(failure("landed, but the response is lost"))
            }
            PutFault::Late(after) => {
                self.land_later(after, location, payload, opts);
                Err(failure("timed out, and may land later"))
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.before(location, |faults| faults.put_errors).await?;
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let faults = self.before(location, |faults| faults.get_errors).await?;
        let got = self.inner.get_opts(location, options).await?;
        let transfer = Faults { per_mib: faults.per_mib, ..Faults::default() };
        self.plan.delay(&transfer, got.range.end.saturating_sub(got.range.start)).await;
        Ok(got)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, plan) = (Arc::clone(&self.inner), self.plan.clone());
        locations
            .then(move |location| {
                let this = Faulty { inner: Arc::clone(&inner), plan: plan.clone() };
                async move {
                    let location = location?;
                    this.before(&location, |faults| faults.delete_errors).await?;
                    this.inner.delete(&location).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_behind(prefix, self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_behind(prefix, self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.before(&prefix.cloned().unwrap_or_default(), |faults| faults.list_errors).await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.before(to, |faults| faults.put_errors).await?;
        self.inner.copy_opts(from, to, options).await
    }
}
