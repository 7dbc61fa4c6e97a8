//! Why a store cannot be used.

use std::path::PathBuf;

use thiserror::Error;

use super::trouble::Trouble;

/// Why the store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("cannot make the data directory {path}: {source}")]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("cannot write to the data directory {path}: {source}")]
    Reserve { path: PathBuf, source: std::io::Error },
    #[error("the data directory {path} is a file")]
    NoDirectory { path: PathBuf },
    #[error("the {store} object store is not configured rightly: {cause}")]
    Configuration { store: &'static str, cause: String },
    #[error(transparent)]
    Refused(#[from] RefusedStore),
}

impl OpenError {
    /// The kind of it.
    pub fn trouble(&self) -> Trouble {
        match self {
            OpenError::Directory { .. } | OpenError::NoDirectory { .. } | OpenError::Reserve { .. } => {
                Trouble::NoBucket
            }
            OpenError::Configuration { .. } => Trouble::Other,
            OpenError::Refused(RefusedStore::Failed { trouble, .. }) => *trouble,
            OpenError::Refused(RefusedStore::TimedOut { .. }) => Trouble::Unreachable,
            OpenError::Refused(
                RefusedStore::CreateOverwrites { .. }
                | RefusedStore::SeveralWinners { .. }
                | RefusedStore::NoWinner { .. }
                | RefusedStore::WrongContent { .. }
                | RefusedStore::NoMetadata { .. },
            ) => Trouble::Other,
        }
    }
}

/// The self-test's finding: a store that would lose acknowledged data, or that cannot be reached.
#[derive(Debug, Error)]
pub enum RefusedStore {
    #[error("{store} object store: {operation} failed: {cause}")]
    Failed { store: String, operation: &'static str, trouble: Trouble, cause: String },
    #[error("{store} object store: no answer within {seconds} s while it was tested ({operation})")]
    TimedOut { store: String, operation: &'static str, seconds: u64 },
    #[error(
        "{store} object store: creating an object that exists overwrote it; create-if-absent \
         (If-None-Match: *) is not supported, and without it acknowledged data would be lost"
    )]
    CreateOverwrites { store: String },
    #[error(
        "{store} object store: {winners} of {racers} concurrent creates of one object succeeded; \
         create-if-absent is not atomic, and without it acknowledged data would be lost"
    )]
    SeveralWinners { store: String, winners: usize, racers: usize },
    #[error("{store} object store: none of {racers} concurrent creates of one object succeeded")]
    NoWinner { store: String, racers: usize },
    #[error("{store} object store: an object read back differs from what was written ({what})")]
    WrongContent { store: String, what: &'static str },
    #[error("{store} object store: user metadata of an object does not come back with it")]
    NoMetadata { store: String },
}
