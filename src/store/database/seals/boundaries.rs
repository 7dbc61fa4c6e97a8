//! Boundaries of databases: up to there, manifests may have been collected as garbage, and one that turns up is no manifest.
//!
//! SlateDB reads the boundary behind every manifest that it has read, and behind every one that it has written. Stores that have no
//! conditional overwriting have no boundaries. Elsewhere the one behind a manifest that a listing named is read beside it: what
//! turns up below the boundary was there when the folder was listed, and the boundary was raised before. Nothing that was begun
//! before a listing, a manifest that was written, or one that was looked for and missed counts behind that.

use std::collections::HashMap;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetResult, GetResultPayload, ObjectMeta, ObjectStore, Result};
use parking_lot::Mutex;

const FOLDER: &str = "manifest";
const COLLECTOR_FOLDER: &str = "gc";

#[derive(Debug)]
pub(super) struct Boundaries {
    /// False where nobody ever writes one.
    are_written: bool,
    /// By the folders of manifests.
    folders: Mutex<HashMap<Path, Folder>>,
}

#[derive(Debug, Default)]
struct Folder {
    /// Rises with everything behind which older reads of the boundary do not count.
    turn: u64,
    /// It was listed, and nothing was read of it since.
    is_listed: bool,
    read: Option<Boundary>,
}

/// A boundary that was read; none if there is none.
type Boundary = Option<(ObjectMeta, Bytes)>;

impl Boundaries {
    pub fn new(are_written: bool) -> Boundaries {
        Boundaries { are_written, folders: Mutex::default() }
    }

    /// The folder of a manifest.
    fn folder(manifest: &Path) -> Option<Path> {
        let parts: Vec<_> = manifest.parts().collect();
        let (_, folder) = parts.split_last()?;
        let is_one = manifest.extension() == Some(FOLDER) && folder.last()?.as_ref() == FOLDER;
        is_one.then(|| folder.iter().cloned().collect())
    }

    /// The folder whose boundary this is.
    fn of_boundary(path: &Path) -> Option<Path> {
        let parts: Vec<_> = path.parts().collect();
        let [database @ .., collector, name] = &parts[..] else { return None };
        let is_one = collector.as_ref() == COLLECTOR_FOLDER && name.as_ref() == "manifest.boundary";
        is_one.then(|| database.iter().cloned().collect::<Path>().join(FOLDER))
    }

    fn path(folder: &Path) -> Path {
        let parts: Vec<_> = folder.parts().collect();
        let database: Path = parts[..parts.len().saturating_sub(1)].iter().cloned().collect();
        database.join(COLLECTOR_FOLDER).join("manifest.boundary")
    }

    /// Notes that a folder is listed.
    pub fn listed(&self, folder: &Path) {
        if self.are_written && folder.parts().next_back().is_some_and(|name| name.as_ref() == FOLDER) {
            self.turn(folder.clone()).is_listed = true;
        }
    }

    /// Notes that a manifest was written, or is not there.
    pub fn changed(&self, manifest: &Path) {
        if self.are_written
            && let Some(folder) = Boundaries::folder(manifest)
        {
            drop(self.turn(folder));
        }
    }

    fn turn(&self, folder: Path) -> parking_lot::MappedMutexGuard<'_, Folder> {
        let folders = self.folders.lock();
        parking_lot::MutexGuard::map(folders, |folders| {
            let folder = folders.entry(folder).or_default();
            *folder = Folder { turn: folder.turn + 1, ..Folder::default() };
            folder
        })
    }

    /// Reads the boundary beside a manifest that a listing named.
    pub async fn read_beside(&self, store: &dyn ObjectStore, manifest: &Path) {
        let Some(folder) = Boundaries::folder(manifest).filter(|_| self.are_written) else { return };
        let begun = {
            let mut folders = self.folders.lock();
            let known = folders.get_mut(&folder).filter(|known| known.is_listed);
            known.map(|known| {
                known.is_listed = false;
                known.turn
            })
        };
        let Some(begun) = begun else { return };
        let boundary = match store.get_opts(&Boundaries::path(&folder), GetOptions::default()).await {
            Ok(got) => {
                let meta = got.meta.clone();
                got.bytes().await.ok().map(|bytes| Some((meta, bytes)))
            }
            Err(Error::NotFound { .. }) => Some(None),
            // It is asked for again by whoever needs it.
            Err(_) => None,
        };
        if let Some(known) = self.folders.lock().get_mut(&folder).filter(|known| known.turn == begun) {
            known.read = boundary;
        }
    }

    /// The boundary, if it need not be read now.
    pub fn known(&self, path: &Path, options: &GetOptions) -> Option<Result<GetResult>> {
        let folder = Boundaries::of_boundary(path)?;
        let missing = || Error::NotFound { path: path.to_string(), source: "there is no boundary".into() };
        if !self.are_written {
            return Some(Err(missing()));
        }
        let is_plain = options.if_none_match.is_none() && options.range.is_none() && !options.head;
        let read = self.folders.lock().get_mut(&folder).filter(|_| is_plain)?.read.take()?;
        let Some((meta, bytes)) = read else { return Some(Err(missing())) };
        let payload = GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed());
        let range = 0..meta.size;
        Some(Ok(GetResult {
            payload,
            meta,
            range,
            attributes: Default::default(),
            extensions: Default::default(),
        }))
    }
}
