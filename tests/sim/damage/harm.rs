//! What happens to stored objects while nobody looks: every kind of it, one object at a time, and to many together.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _};

/// A whole store: bytes by path.
pub type Objects = BTreeMap<String, Bytes>;

/// What differs: by path what is there now, if anything is.
pub type Harmed = BTreeMap<String, Option<Bytes>>;

pub async fn objects(store: &dyn ObjectStore) -> Objects {
    let listed: Vec<_> = store.list(None).try_collect().await.expect("lists");
    let mut all = Objects::new();
    for meta in listed {
        let object = match store.get(&meta.location).await {
            Ok(object) => object.bytes().await.expect("reads"),
            // A process that has ended may have asked for a deletion that is carried out only now.
            Err(object_store::Error::NotFound { .. }) => continue,
            Err(error) => panic!("{}: {error}", meta.location),
        };
        all.insert(meta.location.to_string(), object);
    }
    all
}

pub async fn put(store: &dyn ObjectStore, objects: &Objects) {
    for (path, bytes) in objects {
        store.put(&path.as_str().into(), bytes.clone().into()).await.expect("stored");
    }
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
    pub fn done_to(self, objects: &Objects, path: &str) -> Option<Harmed> {
        let bytes = &objects[path];
        let folder = &path[..path.rfind('/').map_or(0, |at| at + 1)];
        let in_it = |other: &str| other.strip_prefix(folder).is_some_and(|name| !name.contains('/'));
        let mut siblings = objects.keys().filter(|other| in_it(other) && *other != path);
        let flipped = |at: usize| {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 0x10;
            Some(Bytes::from(flipped))
        };
        let one = |changed: Option<Bytes>| Harmed::from([(path.to_owned(), changed)]);
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
pub fn apply(objects: &Objects, harmed: &Harmed) -> Objects {
    let mut all = objects.clone();
    for (path, changed) in harmed {
        match changed {
            Some(bytes) => all.insert(path.clone(), bytes.clone()),
            None => all.remove(path),
        };
    }
    all
}
