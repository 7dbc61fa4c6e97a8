//! Counts every request to the object store: how many, how many failed, how many bytes, how long.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use super::health::Health;
use super::room::Room;
use super::trouble::Trouble;
use crate::runtime::Clock;
use crate::runtime::clock::Instant;

/// The kinds of request that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    Put,
    Get,
    List,
    Delete,
    Head,
    Copy,
    Multipart,
}

impl RequestKind {
    const ALL: [RequestKind; 7] = [
        RequestKind::Put,
        RequestKind::Get,
        RequestKind::List,
        RequestKind::Delete,
        RequestKind::Head,
        RequestKind::Copy,
        RequestKind::Multipart,
    ];

    fn label(self) -> &'static str {
        match self {
            RequestKind::Put => "put",
            RequestKind::Get => "get",
            RequestKind::List => "list",
            RequestKind::Delete => "delete",
            RequestKind::Head => "head",
            RequestKind::Copy => "copy",
            RequestKind::Multipart => "multipart",
        }
    }
}

/// The counters. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    requests: IntCounterVec,
    errors: IntCounterVec,
    bytes: IntCounterVec,
    seconds: HistogramVec,
    health: Health,
    room: Room,
}

impl StoreMetrics {
    /// Makes the counters and shows them in `registry`. A second store of one registry counts for itself, unseen.
    pub(super) fn register(registry: &Registry, room: Room) -> StoreMetrics {
        let counter = |name: &str, help: &str, label: &str| {
            let vec = IntCounterVec::new(Opts::new(name, help), &[label]).expect("a valid metric");
            let _ = registry.register(Box::new(vec.clone()));
            vec
        };
        let requests =
            counter("kafkaesque_object_store_requests_total", "Requests to the object store.", "kind");
        let errors = counter(
            "kafkaesque_object_store_errors_total",
            "Requests to the object store that failed; a lost race of creates and an absent object do not \
             count.",
            "kind",
        );
        let bytes = counter(
            "kafkaesque_object_store_bytes_total",
            "Payload bytes written to and asked from the object store.",
            "direction",
        );
        let options = HistogramOpts::new(
            "kafkaesque_object_store_request_seconds",
            "Time of a request to the object store; of a get, until its body begins.",
        )
        .buckets(vec![
            0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
        ]);
        let seconds = HistogramVec::new(options, &["kind"]).expect("a valid metric");
        let _ = registry.register(Box::new(seconds.clone()));
        for kind in RequestKind::ALL {
            requests.with_label_values(&[kind.label()]);
            errors.with_label_values(&[kind.label()]);
        }
        StoreMetrics { requests, errors, bytes, seconds, health: Health::default(), room }
    }

    /// Requests of one kind so far.
    pub fn requests(&self, kind: RequestKind) -> u64 {
        self.requests.with_label_values(&[kind.label()]).get()
    }

    /// Failed requests of one kind so far.
    pub fn errors(&self, kind: RequestKind) -> u64 {
        self.errors.with_label_values(&[kind.label()]).get()
    }

    /// The last that was heard of the store.
    pub fn health(&self) -> &Health {
        &self.health
    }

    fn count<T>(&self, kind: RequestKind, clock: &Clock, started: Instant, outcome: &Result<T>) {
        self.count_failure(kind, clock, started, outcome.as_ref().err().filter(|error| is_failure(error)));
    }

    fn count_failure(&self, kind: RequestKind, clock: &Clock, started: Instant, failure: Option<&Error>) {
        let now = clock.instant();
        self.requests.with_label_values(&[kind.label()]).inc();
        self.seconds.with_label_values(&[kind.label()]).observe((now - started).as_secs_f64());
        match failure {
            Some(error) => {
                self.errors.with_label_values(&[kind.label()]).inc();
                self.health.failed(now, error);
                if Trouble::of(error) == Trouble::NoSpace {
                    self.room.ran_out();
                }
            }
            None => self.health.answered(),
        }
    }

    fn wrote(&self, bytes: usize) {
        self.bytes.with_label_values(&["write"]).inc_by(bytes as u64);
    }

    fn read(&self, bytes: u64) {
        self.bytes.with_label_values(&["read"]).inc_by(bytes);
    }
}

/// Some errors are answers: the object is there already, or is not there.
fn is_failure(error: &Error) -> bool {
    !matches!(
        error,
        Error::AlreadyExists { .. }
            | Error::Precondition { .. }
            | Error::NotFound { .. }
            | Error::NotModified { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
    )
}

/// The wrapper around the real store.
#[derive(Debug)]
pub(super) struct Counting {
    inner: Arc<dyn ObjectStore>,
    metrics: StoreMetrics,
    clock: Clock,
    /// The store has said that its objects have no metadata.
    lacks_metadata: AtomicBool,
}

impl Counting {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, metrics: StoreMetrics, clock: Clock) -> Counting {
        Counting { inner, metrics, clock, lacks_metadata: AtomicBool::new(false) }
    }

    fn done<T>(&self, kind: RequestKind, started: Instant, outcome: Result<T>) -> Result<T> {
        self.metrics.count(kind, &self.clock, started, &outcome);
        outcome
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

// `get_ranges` keeps its default, which calls `get_opts` once per merged range: so each is counted.
#[async_trait]
impl ObjectStore for Counting {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let with_metadata = !opts.attributes.is_empty();
        // SlateDB tries with metadata at every PUT before it does without: one answer is enough.
        if with_metadata && self.lacks_metadata.load(Ordering::Relaxed) {
            return Err(Error::NotImplemented {
                operation: "a PUT with metadata".to_owned(),
                implementer: self.inner.to_string(),
            });
        }
        let started = self.clock.instant();
        self.metrics.wrote(payload.content_length());
        let outcome = self.inner.put_opts(location, payload, opts).await;
        if with_metadata && matches!(outcome, Err(Error::NotImplemented { .. })) {
            self.lacks_metadata.store(true, Ordering::Relaxed);
        }
        self.done(RequestKind::Put, started, outcome)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let started = self.clock.instant();
        let outcome = self.inner.put_multipart_opts(location, opts).await;
        let inner = self.done(RequestKind::Multipart, started, outcome)?;
        Ok(Box::new(CountingUpload { inner, metrics: self.metrics.clone(), clock: self.clock.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let started = self.clock.instant();
        let kind = if options.head { RequestKind::Head } else { RequestKind::Get };
        let outcome = self.inner.get_opts(location, options).await;
        if let (Ok(result), RequestKind::Get) = (&outcome, kind) {
            self.metrics.read(result.range.end.saturating_sub(result.range.start));
        }
        self.done(kind, started, outcome)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (metrics, clock) = (self.metrics.clone(), self.clock.clone());
        let mut started = clock.instant();
        self.inner
            .delete_stream(locations)
            .inspect(move |outcome| {
                metrics.count(RequestKind::Delete, &clock, started, outcome);
                started = clock.instant();
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.counted_list(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.counted_list(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let started = self.clock.instant();
        let outcome = self.inner.list_with_delimiter(prefix).await;
        self.done(RequestKind::List, started, outcome)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let started = self.clock.instant();
        let outcome = self.inner.copy_opts(from, to, options).await;
        self.done(RequestKind::Copy, started, outcome)
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let started = self.clock.instant();
        let outcome = self.inner.rename_opts(from, to, options).await;
        self.done(RequestKind::Copy, started, outcome)
    }
}

impl Counting {
    /// A listing counts once, however many pages it takes: when its first entry, error or end arrives.
    fn counted_list(
        &self,
        entries: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (metrics, clock) = (self.metrics.clone(), self.clock.clone());
        let started = clock.instant();
        let mut counted = false;
        entries
            .map(Some)
            .chain(futures::stream::iter([None]))
            .filter_map(move |entry| {
                let error = entry.as_ref().and_then(|entry| entry.as_ref().err());
                let failure = error.filter(|error| is_failure(error));
                if !counted || failure.is_some() {
                    counted = true;
                    metrics.count_failure(RequestKind::List, &clock, started, failure);
                }
                futures::future::ready(entry)
            })
            .boxed()
    }
}

#[derive(Debug)]
struct CountingUpload {
    inner: Box<dyn MultipartUpload>,
    metrics: StoreMetrics,
    clock: Clock,
}

#[async_trait]
impl MultipartUpload for CountingUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (metrics, clock) = (self.metrics.clone(), self.clock.clone());
        let started = clock.instant();
        metrics.wrote(data.content_length());
        let part = self.inner.put_part(data);
        Box::pin(async move {
            let outcome = part.await;
            metrics.count(RequestKind::Multipart, &clock, started, &outcome);
            outcome
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let started = self.clock.instant();
        let outcome = self.inner.complete().await;
        self.metrics.count(RequestKind::Multipart, &self.clock, started, &outcome);
        outcome
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
