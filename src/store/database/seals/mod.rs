//! Objects of databases with a seal at their end: which object it is, and the checksum of what is in it.
//!
//! SlateDB checks the blocks of its tables and nothing else: it believes a manifest with a flipped bit, and takes a copy of
//! another table for the table. Whatever is read whole is compared with its seal each time, a table when this process first
//! reads of it. SlateDB finds everything from the front, or by places that a manifest says, so that it sees no seal. Objects
//! of before have none, and are taken as they are. Objects of SlateDB's own log, which are read from their ends, get none.
//!
//! ```text
//! magic 8 | CRC32C of the name u32 | length of the content u64 | CRC32C of the content u32 | CRC32C of these u32
//! ```

mod boundaries;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use moka::sync::Cache;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, Result, UploadPart,
};
use slatedb_common::retry::NonRetryable;
use thiserror::Error;

use crate::crc32c;
use crate::store::ranges;
use boundaries::Boundaries;

const MAGIC: &[u8; 8] = b"kfkqseal";
const LEN: usize = 8 + 4 + 8 + 4 + 4;
/// Tables that were looked at, and need not be again.
const MOST_KNOWN: u64 = 100_000;

/// An object of a database that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path} {problem}")]
pub struct Broken {
    pub path: Path,
    /// The rest of a sentence that begins with the path.
    pub problem: &'static str,
}

impl Broken {
    /// SlateDB repeats a request for ever unless it is told not to.
    fn error(path: &Path, problem: &'static str) -> Error {
        let broken = Broken { path: path.clone(), problem };
        Error::Generic { store: "store", source: Box::new(NonRetryable(Box::new(broken))) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seal {
    name_crc: u32,
    len: u64,
    crc: u32,
}

impl Seal {
    fn encode(self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(LEN);
        bytes.put_slice(MAGIC);
        bytes.put_u32(self.name_crc);
        bytes.put_u64(self.len);
        bytes.put_u32(self.crc);
        let crc = crc32c::checksum(&bytes);
        bytes.put_u32(crc);
        bytes.freeze()
    }

    /// The seal that these bytes are; `None` if they are none.
    fn parse(bytes: &[u8]) -> Option<Result<Seal, &'static str>> {
        let mut rest = bytes.strip_prefix(MAGIC).filter(|_| bytes.len() == LEN)?;
        let seal = Seal { name_crc: rest.get_u32(), len: rest.get_u64(), crc: rest.get_u32() };
        let is_whole = rest.get_u32() == crc32c::checksum(&bytes[..LEN - 4]);
        Some(if is_whole { Ok(seal) } else { Err("is damaged at its end") })
    }
}

/// The way in which a sealed object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// At once.
    Whole,
    /// A piece at a time.
    Table,
}

/// The store of a database, which seals what is written and looks at seals when it is read.
pub(super) struct Sealed {
    inner: Arc<dyn ObjectStore>,
    /// Names begin behind it: a whole store may move.
    prefix: Path,
    /// Tables that are what they should be.
    known: Cache<Path, ()>,
    boundaries: Boundaries,
}

impl Sealed {
    /// `has_boundaries` says whether the garbage of databases is collected with them.
    pub fn new(inner: Arc<dyn ObjectStore>, prefix: &Path, has_boundaries: bool) -> Sealed {
        let boundaries = Boundaries::new(has_boundaries);
        Sealed { inner, prefix: prefix.clone(), known: Cache::new(MOST_KNOWN), boundaries }
    }

    fn kind(path: &Path) -> Option<Kind> {
        match path.extension()? {
            "manifest" | "compactions" => Some(Kind::Whole),
            "sst" => {
                let folder = path.parts().rev().nth(1)?;
                (folder.as_ref() == "compacted").then_some(Kind::Table)
            }
            _ => None,
        }
    }

    fn name_crc(&self, path: &Path) -> u32 {
        let name = path.as_ref().strip_prefix(self.prefix.as_ref()).unwrap_or(path.as_ref());
        crc32c::checksum(name.trim_start_matches('/').as_bytes())
    }

    fn check_name(&self, path: &Path, seal: Seal) -> Result<()> {
        match seal.name_crc == self.name_crc(path) {
            true => Ok(()),
            false => Err(Broken::error(path, "is a copy of another object")),
        }
    }

    async fn get_whole(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let result = self.inner.get_opts(path, options).await?;
        let (meta, range) = (result.meta.clone(), result.range.clone());
        let (attributes, extensions) = (result.attributes.clone(), result.extensions.clone());
        let bytes = result.bytes().await?;
        if bytes.is_empty() {
            return Err(Broken::error(path, "is empty"));
        }
        let (content, end) = bytes.split_at(bytes.len().saturating_sub(LEN));
        match Seal::parse(end) {
            None => {}
            Some(Err(problem)) => return Err(Broken::error(path, problem)),
            Some(Ok(seal)) => {
                self.check_name(path, seal)?;
                if (seal.len, seal.crc) != (content.len() as u64, crc32c::checksum(content)) {
                    return Err(Broken::error(path, "is damaged: checksum"));
                }
            }
        }
        let payload = GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed());
        Ok(GetResult { payload, meta, range, attributes, extensions })
    }

    async fn get_table(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let end = match &options.range {
            Some(GetRange::Bounded(range)) => range.end,
            Some(GetRange::Offset(_) | GetRange::Suffix(_)) | None => 0,
        };
        let got = match self.known.contains_key(path) {
            true => self.inner.get_opts(path, options).await,
            false => {
                let (got, looked) = tokio::join!(self.inner.get_opts(path, options), self.look(path));
                if looked? {
                    self.known.insert(path.clone(), ());
                }
                got
            }
        };
        match got {
            Ok(result) if end > result.meta.size => Err(Broken::error(path, "was cut")),
            Err(error @ Error::NotFound { .. }) => Err(error),
            Err(error) => match ranges::is_shorter(&*self.inner, path, end).await {
                true => Err(Broken::error(path, "was cut")),
                false => Err(error),
            },
            got => got,
        }
    }

    /// Looks at the end of a table. False if nothing can be said of it now.
    async fn look(&self, path: &Path) -> Result<bool> {
        let range = Some(GetRange::Suffix(LEN as u64));
        let options = GetOptions { range, ..GetOptions::default() };
        let got = match self.inner.get_opts(path, options).await {
            Ok(got) => got,
            Err(Error::NotFound { .. }) => return Ok(false),
            // Some stores know no such ranges, and none of an empty object.
            Err(_) => {
                let Ok(meta) = self.inner.head(path).await else { return Ok(false) };
                if meta.size == 0 {
                    // No range of it is read.
                    return Err(Broken::error(path, "is empty"));
                }
                let range = Some(GetRange::Bounded(meta.size.saturating_sub(LEN as u64)..meta.size));
                let options = GetOptions { range, ..GetOptions::default() };
                let Ok(got) = self.inner.get_opts(path, options).await else { return Ok(false) };
                got
            }
        };
        let size = got.meta.size;
        let Ok(end) = got.bytes().await else { return Ok(false) };
        match Seal::parse(&end) {
            None if size == 0 => Err(Broken::error(path, "is empty")),
            None => Ok(true),
            Some(Err(problem)) => Err(Broken::error(path, problem)),
            Some(Ok(seal)) => {
                self.check_name(path, seal)?;
                match seal.len + LEN as u64 == size {
                    true => Ok(true),
                    false => Err(Broken::error(path, "was cut, or grew")),
                }
            }
        }
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sealed").field(&self.inner).finish()
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Sealed {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if Sealed::kind(location).is_none() {
            return self.inner.put_opts(location, payload, opts).await;
        }
        let mut seal = Seal { name_crc: self.name_crc(location), len: 0, crc: 0 };
        seal.add(&payload);
        let outcome = self.inner.put_opts(location, with_seal(payload, seal), opts).await;
        self.boundaries.changed(location);
        outcome
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        if Sealed::kind(location).is_none() {
            return Ok(inner);
        }
        let seal = Seal { name_crc: self.name_crc(location), len: 0, crc: 0 };
        Ok(Box::new(Upload { inner, seal, last: None }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if let Some(boundary) = self.boundaries.known(location, &options) {
            return boundary;
        }
        match Sealed::kind(location).filter(|_| !options.head) {
            Some(Kind::Whole) if options.range.is_none() => {
                let beside = self.boundaries.read_beside(&*self.inner, location);
                let (got, ()) = tokio::join!(self.get_whole(location, options), beside);
                if got.is_err() {
                    self.boundaries.changed(location);
                }
                got
            }
            Some(Kind::Table) => self.get_table(location, options).await,
            Some(Kind::Whole) | None => self.inner.get_opts(location, options).await,
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        prefix.into_iter().for_each(|folder| self.boundaries.listed(folder));
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        prefix.into_iter().for_each(|folder| self.boundaries.listed(folder));
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

impl Seal {
    fn add(&mut self, content: &PutPayload) {
        self.len += content.content_length() as u64;
        self.crc = content.iter().fold(self.crc, |crc, chunk| crc32c::append(crc, chunk));
    }
}

fn with_seal(content: PutPayload, seal: Seal) -> PutPayload {
    content.into_iter().chain([seal.encode()]).collect()
}

/// An upload in parts. Stores want all but the last to be large, so the last one waits for its seal.
#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    seal: Seal,
    last: Option<PutPayload>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.seal.add(&data);
        match self.last.replace(data) {
            Some(part) => self.inner.put_part(part),
            None => std::future::ready(Ok(())).boxed(),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        if let Some(last) = self.last.take() {
            self.inner.put_part(with_seal(last, self.seal)).await?;
        }
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
