//! Paths of a shard's objects in the store.

use object_store::path::Path;

use crate::log::stored::keys::Object;
use crate::store::Store;
use crate::types::ShardId;

/// The paths of one shard, below the store's prefix:
///
/// ```text
/// shards/<shard>/log/<20-digit id>.seg           segments, written create-if-absent
/// shards/<shard>/packed/<epoch>-<ulid>.seg       packed objects: 20 digits, 32 hexadecimal digits
/// shards/<shard>/index                           the SlateDB database
/// shards/<shard>/damaged/<milliseconds>/...      what a repair has moved aside, by the path it had in the shard
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardPaths {
    shard: ShardId,
    shards: Path,
    log: Path,
    packed: Path,
    index: Path,
    damaged: Path,
}

impl ShardPaths {
    pub fn new(store: &Store, shard: ShardId) -> ShardPaths {
        let below = |name: &str| store.path(&format!("shards/{shard}/{name}"));
        ShardPaths {
            shard,
            shards: store.path("shards"),
            log: below("log"),
            packed: below("packed"),
            index: below("index"),
            damaged: below("damaged"),
        }
    }

    /// The shard whose objects these are.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The folder of the segments.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The folder of the packed objects.
    pub fn packed(&self) -> &Path {
        &self.packed
    }

    /// The folder of the index database.
    pub fn index(&self) -> &Path {
        &self.index
    }

    /// The folder of what a repair at this time has moved aside.
    pub fn damaged(&self, now_ms: i64) -> Path {
        self.damaged.clone().join(now_ms.to_string())
    }

    /// The segment `id`.
    pub fn segment(&self, id: u64) -> Path {
        self.log.clone().join(format!("{id:020}.seg"))
    }

    /// The id of the segment at `path`, if it is one.
    pub fn segment_id(path: &Path) -> Option<u64> {
        let name = path.filename()?.strip_suffix(".seg")?;
        if name.len() != 20 { None } else { name.parse().ok() }
    }

    /// The object that an extent names.
    pub fn object(&self, object: Object) -> Path {
        match object {
            Object::Log(id) => self.segment(id),
            Object::Packed { epoch, ulid } => self.packed.clone().join(Object::packed_name(epoch, ulid)),
            Object::OfShard { shard, epoch, ulid } => {
                let packed = self.shards.clone().join(shard.to_string()).join("packed");
                packed.join(Object::packed_name(epoch, ulid))
            }
        }
    }
}
