//! Objects that nobody else on the machine may read. In a bucket the provider's permissions see to that.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, PutMode, PutOptions};

use super::Store;
use super::directory::stage;

/// For its owner alone.
const PRIVATE: u32 = 0o600;

impl Store {
    /// Creates an object unless it exists. In a directory, no other user can read the file at any time; such a file is not
    /// counted as a request.
    pub async fn create_private(&self, path: &Path, content: Bytes) -> object_store::Result<()> {
        let Some(file) = self.file(path) else {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            return self.object_store().put_opts(path, content.into(), options).await.map(|_| ());
        };
        create(&file, &content).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::AlreadyExists { path: path.to_string(), source: error.into() },
            _ => Error::Generic { store: "local", source: error.into() },
        })
    }

    /// Takes the file of an object away from other users, if it is one: a copy of a directory may have lost that.
    pub fn keep_private(&self, path: &Path) {
        let Some(file) = self.file(path) else { return };
        if let Err(error) = fs::set_permissions(&file, Permissions::from_mode(PRIVATE)) {
            tracing::warn!(file = %file.display(), %error, "cannot keep this file from other users");
        }
    }

    fn file(&self, path: &Path) -> Option<PathBuf> {
        let parts = path.parts();
        self.directory
            .as_ref()
            .map(|directory| parts.fold(directory.clone(), |file, part| file.join(part.as_ref())))
    }
}

/// Whole and on the disk, or not there.
fn create(path: &std::path::Path, content: &[u8]) -> io::Result<()> {
    let (mut file, staged) = stage(path, PRIVATE)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&staged, path));
    // A file that stays behind costs its room, and is never taken for an object.
    let _ = fs::remove_file(&staged);
    linked
}
