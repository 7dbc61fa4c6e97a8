//! Creates that say that there is an object, although there may be none.
//!
//! S3 answers 409 to creates of one key that race, and to some when it is busy. The client cannot tell that from "it is
//! there already", and whoever believes it takes a free id for another owner's. So here somebody looks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result,
};

use crate::runtime::Runtime;

/// Together five seconds: those who race are done by then, and callers try again on top.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MOST_PAUSE: Duration = Duration::from_secs(2);

/// The wrapper that looks before it believes.
pub(super) struct Creates {
    inner: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

impl Creates {
    pub fn new(inner: Arc<dyn ObjectStore>, runtime: &Runtime) -> Creates {
        Creates { inner, runtime: runtime.clone() }
    }

    async fn create(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            let refusal = match self.inner.put_opts(location, payload.clone(), opts.clone()).await {
                Err(error @ Error::AlreadyExists { .. }) => error,
                outcome => return outcome,
            };
            match self.inner.head(location).await {
                Ok(_) => return Err(refusal),
                Err(Error::NotFound { .. }) => {}
                // Nobody knows, so nothing is said of the object.
                Err(error) => return Err(error),
            }
            self.runtime.clock.sleep(pause + self.jitter(pause)).await;
            pause = (pause * 2).min(MOST_PAUSE);
        }
        let source = format!("{TRIES} creates of {location} were refused, and it is not there").into();
        Err(Error::Generic { store: "store", source })
    }

    fn jitter(&self, pause: Duration) -> Duration {
        Duration::from_micros(self.runtime.rng.below(pause.as_micros() as u64 / 2 + 1))
    }
}

impl fmt::Debug for Creates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Creates").field(&self.inner).finish()
    }
}

impl fmt::Display for Creates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Creates {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        match opts.mode {
            PutMode::Create => self.create(location, payload, opts).await,
            PutMode::Overwrite | PutMode::Update(_) => self.inner.put_opts(location, payload, opts).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}
