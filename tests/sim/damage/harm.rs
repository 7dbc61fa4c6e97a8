//! What happens to stored objects while nobody looks: every kind of it, one object at a time, and to many together.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::memory::InMemory;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

/// A whole store: bytes by path.
pub type Objects = BTreeMap<String, Bytes>;

pub async fn objects(store: &InMemory) -> Objects {
    let listed: Vec<_> = store.list(None).try_collect().await.expect("lists");
    let mut all = Objects::new();
    for meta in listed {
        let object = store.get(&meta.location).await.expect("is there").bytes().await.expect("reads");
        all.insert(meta.location.to_string(), object);
    }
    all
}

pub async fn stored(objects: &Objects) -> Arc<InMemory> {
    let store = Arc::new(InMemory::new());
    for (path, bytes) in objects {
        store.put(&path.as_str().into(), bytes.clone().into()).await.expect("stored");
    }
    store
}

/// What is done to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    Deleted,
    CutInHalf,
    Emptied,
    FlippedInHead,
    FlippedInBody,
    /// In the payload of a segment, before the seal of an object of the index.
    FlippedNearEnd,
    Zeroed,
    /// With the next one of its folder.
    Swapped,
    /// By the one before it in its folder.
    Replaced,
}

impl Harm {
    pub const ALL: [Harm; 9] = [
        Harm::Deleted,
        Harm::CutInHalf,
        Harm::Emptied,
        Harm::FlippedInHead,
        Harm::FlippedInBody,
        Harm::FlippedNearEnd,
        Harm::Zeroed,
        Harm::Swapped,
        Harm::Replaced,
    ];

    /// The objects that differ then, with what they are; `None` if nothing does.
    pub fn done_to(self, objects: &Objects, path: &str) -> Option<BTreeMap<String, Option<Bytes>>> {
        let bytes = &objects[path];
        let folder = &path[..=path.rfind('/').expect("a folder")];
        let mut siblings = objects.keys().filter(|other| other.starts_with(folder) && *other != path);
        let flipped = |at: usize| {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 0x10;
            Some(Bytes::from(flipped))
        };
        let one = |changed: Option<Bytes>| BTreeMap::from([(path.to_owned(), changed)]);
        let harmed = match self {
            Harm::Deleted => one(None),
            Harm::CutInHalf => one(Some(bytes.slice(..bytes.len() / 2))),
            Harm::Emptied => one(Some(Bytes::new())),
            Harm::FlippedInHead => one(flipped(bytes.len().min(40) / 2)),
            Harm::FlippedInBody => one(flipped(bytes.len() * 2 / 3)),
            Harm::FlippedNearEnd => one(flipped(bytes.len().saturating_sub(40))),
            Harm::Zeroed => one(Some(Bytes::from(vec![0; bytes.len()]))),
            Harm::Swapped => {
                let other = siblings.find(|other| other.as_str() > path)?;
                let mut both = one(Some(objects[other].clone()));
                both.insert(other.clone(), Some(bytes.clone()));
                both
            }
            Harm::Replaced => {
                let other = siblings.rfind(|other| other.as_str() < path)?;
                one(Some(objects[other].clone()))
            }
        };
        harmed.iter().any(|(path, changed)| changed.as_ref() != objects.get(path)).then_some(harmed)
    }
}

/// Turns `objects` into what they are with those changes.
pub fn apply(objects: &Objects, harmed: &BTreeMap<String, Option<Bytes>>) -> Objects {
    let mut all = objects.clone();
    for (path, changed) in harmed {
        match changed {
            Some(bytes) => all.insert(path.clone(), bytes.clone()),
            None => all.remove(path),
        };
    }
    all
}

/// What must be done to `objects` so that they are `others` instead, where the path is one of `touched`.
pub fn difference(
    objects: &Objects,
    others: &Objects,
    touched: impl Fn(&str) -> bool,
) -> BTreeMap<String, Option<Bytes>> {
    let paths = objects.keys().chain(others.keys()).filter(|path| touched(path));
    paths
        .filter(|path| objects.get(*path) != others.get(*path))
        .map(|path| (path.clone(), others.get(path).cloned()))
        .collect()
}
