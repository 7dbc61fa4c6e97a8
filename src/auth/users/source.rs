//! The file of the users.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use aws_lc_rs::hmac;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::UsersError;

/// The largest file that is taken.
const MOST_BYTES: u64 = 1 << 20;
/// Readable for everybody.
const OTHERS_READ: u32 = 0o004;

/// A file, and what of it was taken last.
pub(super) struct Source {
    path: PathBuf,
    taken: Mutex<Option<hmac::Tag>>,
}

/// The content, if it is not the one that was taken last.
pub(super) enum Found {
    New(Zeroizing<Vec<u8>>),
    Same,
}

impl Source {
    pub fn new(path: PathBuf) -> Source {
        Source { path, taken: Mutex::new(None) }
    }

    pub fn path(&self) -> String {
        self.path.display().to_string()
    }

    pub fn took(&self, digest: hmac::Tag) {
        *self.taken.lock() = Some(digest);
    }

    pub fn read(&self, digest: impl Fn(&[u8]) -> hmac::Tag) -> Result<Found, UsersError> {
        let unreadable = |source| UsersError::Unreadable { path: self.path(), source };
        let (content, others_may_read) = self.content().map_err(unreadable)?;
        if content.len() as u64 > MOST_BYTES {
            return Err(UsersError::Large { path: self.path(), limit: MOST_BYTES });
        }
        let digest = digest(&content);
        let taken = *self.taken.lock();
        if taken.is_some_and(|taken| taken.as_ref() == digest.as_ref()) {
            return Ok(Found::Same);
        }
        if others_may_read {
            tracing::warn!(
                file = self.path(),
                "every user of this machine may read the passwords in this file"
            );
        }
        Ok(Found::New(content))
    }

    fn content(&self) -> io::Result<(Zeroizing<Vec<u8>>, bool)> {
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        // With room for all of it: a buffer that grows leaves copies behind.
        let room = metadata.len().min(MOST_BYTES) + 1;
        let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default()));
        file.take(MOST_BYTES + 1).read_to_end(&mut content)?;
        Ok((content, metadata.permissions().mode() & OTHERS_READ != 0))
    }
}
