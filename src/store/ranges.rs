//! Ranges of objects that end before them.

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

/// True if the object at `path` is there and has fewer than `length` bytes: asked after the failure of a read, since stores
/// have an error for ranges behind the end, or of an empty object, which looks like any other.
pub async fn is_shorter(store: &dyn ObjectStore, path: &Path, length: u64) -> bool {
    store.head(path).await.is_ok_and(|meta| meta.size < length)
}
