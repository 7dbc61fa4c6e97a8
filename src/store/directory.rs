//! A local directory whose small requests do not change threads.
//!
//! `LocalFileSystem` does each of its requests on a thread for blocking work. Waking that thread, and being woken by it,
//! takes longer than creating a small file in the operating system's memory, or opening one that it knows.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use crate::runtime::Clock;

/// Copying this much into the operating system's memory takes less time than changing threads twice.
const IN_PLACE_BYTES: usize = 64 * 1024;
/// A disk that kept a thread for longer than this is not trusted with the next requests.
const SLOW: Duration = Duration::from_millis(5);
/// So many requests change threads then.
const DISTRUSTED: u64 = 200;
/// The mode of ordinary files, of which the process's mask takes away.
const EVERYBODY: u32 = 0o666;

/// The directory of a broker whose files are not synced.
#[derive(Debug)]
pub(super) struct Directory {
    inner: LocalFileSystem,
    clock: Clock,
    /// Requests that still go to a thread for blocking work.
    distrusted: AtomicU64,
}

/// The end of creating a file in place.
enum Created {
    Done,
    /// There is one of that name.
    Taken(io::Error),
    /// Nothing is left of it; `LocalFileSystem` may find a way, or says why there is none.
    Failed,
}

impl Directory {
    pub(super) fn new(inner: LocalFileSystem, clock: Clock) -> Directory {
        Directory { inner, clock, distrusted: AtomicU64::new(0) }
    }

    fn is_trusted(&self) -> bool {
        let count_down = |left: u64| left.checked_sub(1);
        self.distrusted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count_down).is_err()
    }

    fn create(&self, path: &FilePath, payload: &PutPayload) -> Created {
        let started = self.clock.instant();
        let created = create(path, payload);
        if self.clock.instant() - started > SLOW {
            self.distrusted.store(DISTRUSTED, Ordering::Relaxed);
        }
        created
    }
}

/// As `LocalFileSystem` does it, under a name that it takes for an unfinished file: nobody sees half a file, and nothing is
/// replaced.
fn create(path: &FilePath, payload: &PutPayload) -> Created {
    let Ok((mut file, staged)) = stage(path, EVERYBODY) else { return Created::Failed };
    let written = payload.iter().try_for_each(|chunk| file.write_all(chunk));
    drop(file);
    let linked = written.and_then(|()| fs::hard_link(&staged, path));
    // A file that stays behind costs its room, and is never taken for an object.
    let _ = fs::remove_file(&staged);
    match linked {
        Ok(()) => Created::Done,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Created::Taken(error),
        Err(_) => Created::Failed,
    }
}

/// A new file beside `path`, whoever else is writing one there. `mode` says who may read it, as far as the process's own
/// mask allows.
pub(super) fn stage(path: &FilePath, mode: u32) -> io::Result<(File, PathBuf)> {
    for attempt in 1.. {
        let mut staged = path.as_os_str().to_owned();
        staged.push(format!("#{attempt}"));
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&staged) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (file, staged.into())),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Directory {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let in_place = matches!(opts.mode, PutMode::Create)
            && opts.attributes.is_empty()
            && payload.content_length() <= IN_PLACE_BYTES
            && self.is_trusted();
        if in_place {
            let path = self.inner.path_to_filesystem(location)?;
            match self.create(&path, &payload) {
                Created::Done => {
                    return Ok(PutResult { e_tag: None, version: None, extensions: Default::default() });
                }
                Created::Taken(error) => {
                    return Err(Error::AlreadyExists { path: location.to_string(), source: error.into() });
                }
                Created::Failed => {}
            }
        }
        self.inner.put_opts(location, payload, opts).await
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

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;
    use object_store::ObjectStoreExt as _;

    use super::*;
    use crate::runtime::Runtime;

    fn directory(folder: &tempfile::TempDir) -> Directory {
        let inner = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        Directory::new(inner, Runtime::system().clock)
    }

    async fn put(store: &Directory, key: &str, bytes: &[u8]) -> Result<PutResult> {
        store.put_opts(&Path::from(key), PutPayload::from(bytes.to_vec()), PutMode::Create.into()).await
    }

    #[tokio::test]
    async fn small_and_large_objects_are_created_once_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = directory(&folder);
        for (key, len) in
            [("a/small", 0), ("a/other", 1000), ("b/limit", IN_PLACE_BYTES), ("b/large", 200_000)]
        {
            put(&store, key, &vec![7; len]).await.unwrap();
            let again = put(&store, key, &vec![8; len]).await;
            assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{key}: {again:?}");
            let stored = store.get(&Path::from(key)).await.unwrap().bytes().await.unwrap();
            assert_eq!(stored, vec![7; len], "{key}");
        }
        let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
        assert_eq!(listed.len(), 4);
        let files = ["a", "b"].map(|sub| fs::read_dir(folder.path().join(sub)).unwrap().count());
        assert_eq!(files, [2, 2], "no unfinished file stays");
    }

    #[tokio::test]
    async fn an_unfinished_file_of_somebody_else_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let store = directory(&folder);
        fs::write(folder.path().join("key#1"), "theirs").unwrap();
        put(&store, "key", b"ours").await.unwrap();
        assert_eq!(fs::read(folder.path().join("key#1")).unwrap(), b"theirs");
        assert_eq!(fs::read(folder.path().join("key")).unwrap(), b"ours");
    }

    #[tokio::test]
    async fn where_nothing_can_be_created_the_error_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = directory(&folder);
        fs::write(folder.path().join("file"), "a file").unwrap();
        let refused = put(&store, "file/below", b"ours").await;
        assert!(!matches!(refused, Ok(_) | Err(Error::AlreadyExists { .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn a_slow_disk_is_left_to_other_threads_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let store = directory(&folder);
        assert!(store.is_trusted());
        store.distrusted.store(2, Ordering::Relaxed);
        assert_eq!([store.is_trusted(), store.is_trusted(), store.is_trusted()], [false, false, true]);
    }
}
