//! The store itself, with a plan's faults around every request.

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

use super::{CreateFlaw, FaultPlan, Faults, PutFault, failure};
use crate::runtime::TaskKind;

#[derive(Debug)]
pub(super) struct Faulty {
    inner: Arc<dyn ObjectStore>,
    plan: FaultPlan,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

impl Faulty {
    pub fn new(inner: Arc<dyn ObjectStore>, plan: FaultPlan) -> Faulty {
        Faulty { inner, plan }
    }

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
        if matches!(opts.mode, PutMode::Create) && flaws.touch(location) {
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
        let outcome = inner.put_opts(location, payload, opts).await;
        if outcome.is_ok() {
            plan.born(location, &flaws);
        }
        outcome
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
        self.plan.leave().await;
        let faults = self.plan.faults_for(path)?;
        self.plan.delay(&faults, 0).await;
        self.plan.time_out(&faults).await?;
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
                Ok(_) => {
                    let unseen = move |entry: &Result<ObjectMeta>| {
                        entry.as_ref().is_ok_and(|meta| this.plan.is_unseen(&meta.location))
                    };
                    entries.filter(move |entry| std::future::ready(!unseen(entry))).boxed()
                }
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
        plan.leave().await;
        plan.check_outage()?;
        plan.wait_while_held(location).await;
        let faults = plan.faults_for(location)?;
        let fault = plan.put_fault(location, &opts.mode, &faults);
        plan.delay(&faults, payload.content_length() as u64).await;
        plan.time_out(&faults).await?;
        plan.check_outage()?;
        let outcome = match fault {
            PutFault::None => Faulty::put(&self.inner, plan, location, payload, opts).await,
            PutFault::Error => Err(failure("failed by plan")),
            PutFault::NoSpace => {
                let source = std::io::Error::from(std::io::ErrorKind::StorageFull).into();
                Err(Error::Generic { store: "faulty", source })
            }
            PutFault::Conflict => {
                let source = "409 Conflict, by plan".into();
                Err(Error::AlreadyExists { path: location.to_string(), source })
            }
            PutFault::LostResponse => {
                let landed = Faulty::put(&self.inner, plan, location, payload, opts).await;
                landed.and(Err(failure("landed, but the response is lost")))
            }
            PutFault::Hang => std::future::pending().await,
            PutFault::Unanswered => {
                let _ = Faulty::put(&self.inner, plan, location, payload, opts).await;
                std::future::pending().await
            }
            PutFault::Late(after) => {
                self.land_later(after, location, payload, opts);
                Err(failure("timed out, and may land later"))
            }
        };
        plan.until_full_contact().await;
        outcome
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
        if self.plan.is_unseen(location) {
            return Err(Error::NotFound { path: location.to_string(), source: "not seen yet".into() });
        }
        let got = self.inner.get_opts(location, options).await?;
        let transfer = Faults { per_mib: faults.per_mib, ..Faults::default() };
        self.plan.delay(&transfer, got.range.end.saturating_sub(got.range.start)).await;
        self.plan.until_full_contact().await;
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
                    this.plan.until_full_contact().await;
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
