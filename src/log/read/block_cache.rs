//! Pieces of stored objects in memory, for consumers that are behind.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::future::{BoxFuture, Shared, WeakShared};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::Mutex;
use thiserror::Error;

use crate::log::read::metrics::CacheMetrics;
use crate::log::stored::keys::Object;
use crate::log::stored::segment::{self, HEADER_LEN};
use crate::runtime::Tasks;
use crate::store::{files, ranges};
use crate::types::ShardId;

/// Objects are read and cached in aligned pieces of this many bytes, each with a request of its own, in parallel. A commit
/// lays many partitions side by side, so that a consumer of one brings in what consumers of its neighbours want next.
pub const BLOCK_BYTES: u64 = 1024 * 1024;
/// So many blocks are asked for at a time.
const MOST_GETS: usize = 8;

/// Objects that were looked at, and need not be again.
const MOST_KNOWN: u64 = 100_000;

/// Why stored bytes could not be read.
#[derive(Clone, Debug, Error)]
pub enum ReadObjectError {
    /// The index names an object that is not there, or a place behind its end.
    #[error("{path} has no bytes at {at}")]
    Missing { path: Path, at: u64 },
    /// Its header is that of another object.
    #[error("{path} is a copy of another object")]
    Copy { path: Path },
    /// The store failed; retriable.
    #[error("reading {path} failed: {source}")]
    Store { path: Path, source: Arc<object_store::Error> },
}

/// An object of a shard, and where it lies.
#[derive(Clone, Debug)]
pub struct ObjectRef {
    pub shard: ShardId,
    pub object: Object,
    pub path: Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct BlockKey {
    shard: ShardId,
    object: Object,
    index: u64,
}

/// A block, and whether somebody wanted it since `forget_unused` looked.
#[derive(Clone, Debug)]
struct Block {
    bytes: Bytes,
    used: Arc<AtomicBool>,
}

type Load = Shared<BoxFuture<'static, Result<Bytes, ReadObjectError>>>;
type WeakLoad = WeakShared<BoxFuture<'static, Result<Bytes, ReadObjectError>>>;

/// One cache of blocks for all shards, bounded in bytes; readers of one block share one request. Cheap to clone.
#[derive(Clone)]
pub struct BlockCache(Arc<Inner>);

struct Inner {
    objects: Arc<dyn ObjectStore>,
    blocks: Cache<BlockKey, Block>,
    /// Objects whose headers were looked at.
    known: Cache<(ShardId, Object), ()>,
    loads: Mutex<HashMap<BlockKey, WeakLoad>>,
    tasks: Tasks,
    metrics: CacheMetrics,
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockCache").field("bytes", &self.0.blocks.weighted_size()).finish_non_exhaustive()
    }
}

/// Bytes of an object that begin at `start`, in pieces as they are cached.
#[derive(Clone, Debug, Default)]
pub struct Span {
    pub start: u64,
    pieces: Vec<Bytes>,
}

impl BlockCache {
    /// A cache of at most `capacity_bytes` over `objects`.
    pub fn new(
        objects: Arc<dyn ObjectStore>,
        capacity_bytes: u64,
        metrics: CacheMetrics,
        tasks: Tasks,
    ) -> BlockCache {
        let blocks = Cache::builder()
            .max_capacity(capacity_bytes)
            .weigher(|_: &BlockKey, block: &Block| u32::try_from(block.bytes.len()).unwrap_or(u32::MAX))
            // A scan that reads everything once is what consumers do: frequency says nothing here.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        let known = Cache::new(MOST_KNOWN);
        BlockCache(Arc::new(Inner { objects, blocks, known, loads: Mutex::default(), tasks, metrics }))
    }

    /// The bytes of `range`: whole blocks, so that a little more may be there on both sides.
    ///
    /// # Errors
    /// If the object ends before `range` does, or cannot be read.
    pub async fn read(&self, object: &ObjectRef, range: Range<u64>) -> Result<Span, ReadObjectError> {
        let first = range.start / BLOCK_BYTES;
        let last = range.end.saturating_sub(1).max(range.start) / BLOCK_BYTES;
        let mut pieces = self.find(object, first, last);
        let loads = self.load_missing(object, first, &pieces);
        let mut loaded = stream::iter(loads).buffered(MOST_GETS);
        for place in pieces.iter_mut().filter(|piece| piece.is_none()) {
            *place = loaded.try_next().await?;
        }
        let span = Span { start: first * BLOCK_BYTES, pieces: pieces.into_iter().map_while(|p| p).collect() };
        if span.end() < range.end {
            return Err(ReadObjectError::Missing { path: object.path.clone(), at: span.end() });
        }
        Ok(span)
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.0.blocks.weighted_size()
    }

    /// Forgets the blocks that nobody wanted since this was last called.
    pub fn forget_unused(&self) {
        for (key, block) in &self.0.blocks {
            if !block.used.swap(false, Ordering::Relaxed) {
                self.0.blocks.invalidate(key.as_ref());
            }
        }
        self.0.blocks.run_pending_tasks();
        self.0.metrics.bytes.set(self.bytes().cast_signed());
    }

    fn find(&self, object: &ObjectRef, first: u64, last: u64) -> Vec<Option<Bytes>> {
        let find = |index| {
            let block = self.0.blocks.get(&object.block(index))?;
            block.used.store(true, Ordering::Relaxed);
            Some(block.bytes)
        };
        (first..=last).map(find).collect()
    }

    /// A request for each block that is missing: one that is under way, or a new one.
    fn load_missing(&self, object: &ObjectRef, first: u64, pieces: &[Option<Bytes>]) -> Vec<Load> {
        let missing = pieces.iter().filter(|piece| piece.is_none()).count() as u64;
        self.0.metrics.hits.inc_by(pieces.len() as u64 - missing);
        if missing == 0 {
            return Vec::new();
        }
        self.0.metrics.misses.inc_by(missing);
        let mut loads = self.0.loads.lock();
        let wanted = (first..).zip(pieces).filter(|(_, piece)| piece.is_none());
        wanted
            .map(|(index, _)| {
                let under_way = loads.get(&object.block(index)).and_then(WeakLoad::upgrade);
                under_way.unwrap_or_else(|| self.start(&mut loads, object, index))
            })
            .collect()
    }

    fn start(&self, loads: &mut HashMap<BlockKey, WeakLoad>, object: &ObjectRef, index: u64) -> Load {
        let key = object.block(index);
        let load = load(UnderWay { cache: self.clone(), key }, object.path.clone()).boxed().shared();
        if let Some(weak) = load.downgrade() {
            loads.insert(key, weak);
        }
        load
    }
}

/// Reads a block. Dropped by all its readers, it is cancelled.
async fn load(under_way: UnderWay, path: Path) -> Result<Bytes, ReadObjectError> {
    let UnderWay { cache, key } = &under_way;
    let start = key.index * BLOCK_BYTES;
    let get = async |range: Range<u64>| {
        let at = range.start;
        let Inner { objects, tasks, .. } = &*cache.0;
        let source = match files::get_range(objects.as_ref(), &path, range, tasks).await {
            Ok(bytes) => return Ok(bytes),
            Err(object_store::Error::NotFound { .. }) => {
                return Err(ReadObjectError::Missing { path: path.clone(), at });
            }
            Err(error) => error,
        };
        Err(match ranges::is_shorter(objects.as_ref(), &path, at + 1).await {
            true => ReadObjectError::Missing { path: path.clone(), at },
            false => ReadObjectError::Store { path: path.clone(), source: Arc::new(source) },
        })
    };
    let is_known = cache.0.known.contains_key(&(key.shard, key.object));
    let block = get(start..start + BLOCK_BYTES);
    let (block, head) = match is_known || key.index == 0 {
        true => block.await.map(|block| (block.clone(), block))?,
        false => tokio::try_join!(block, get(0..HEADER_LEN as u64))?,
    };
    if !is_known {
        if !key.may_begin_with(&head) {
            return Err(ReadObjectError::Copy { path });
        }
        cache.0.known.insert((key.shard, key.object), ());
    }
    cache.0.blocks.insert(*key, Block { bytes: block.clone(), used: Arc::new(AtomicBool::new(true)) });
    cache.0.metrics.bytes.set(cache.bytes().cast_signed());
    Ok(block)
}

impl BlockKey {
    /// Bytes of batches do not say whose they are, and the header of the object does. One that is malformed says nothing;
    /// batches have checksums of their own.
    fn may_begin_with(&self, head: &[u8]) -> bool {
        let Object::Log(id) = self.object else { return true };
        segment::Header::parse(head).map_or(true, |header| header.belongs_at(self.shard, id))
    }
}

/// Takes a load out of the table of those under way, however it ends.
struct UnderWay {
    cache: BlockCache,
    key: BlockKey,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.cache.0.loads.lock().remove(&self.key);
    }
}

impl ObjectRef {
    fn block(&self, index: u64) -> BlockKey {
        BlockKey { shard: self.shard, object: self.object, index }
    }
}

impl Span {
    /// The place after the last byte.
    pub fn end(&self) -> u64 {
        self.start + self.pieces.iter().map(|piece| piece.len() as u64).sum::<u64>()
    }

    pub fn covers(&self, range: &Range<u64>) -> bool {
        self.start <= range.start && range.end <= self.end()
    }

    /// The bytes of `range` as slices of the blocks; fewer if they are not all here.
    pub fn slices(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> + '_ {
        let mut at = self.start;
        self.pieces.iter().filter_map(move |piece| {
            let begin = at;
            at += piece.len() as u64;
            let (from, to) = (range.start.max(begin), range.end.min(at));
            (from < to).then(|| piece.slice((from - begin) as usize..(to - begin) as usize))
        })
    }
}
