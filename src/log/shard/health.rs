//! The health of a shard: able to serve, or unable and why.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::runtime::clock::Instant;

/// A shard, or its store, that does nothing for so long is taken for one that cannot serve: longer than a hiccup, and
/// shorter than clients wait.
pub const STALL_LIMIT: Duration = Duration::from_secs(10);

/// A shard that cannot serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unable {
    pub since: Instant,
    pub cause: Cause,
}

/// Why a shard cannot serve. Each is one line for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It is being opened, for the first time or again; with the reason why it was not open at the last try.
    Opening(Option<Arc<str>>),
    /// It has taken something, and nothing has become durable since.
    Stalled(Arc<str>),
    /// Its disk has room for deletions alone.
    Full,
    /// It has nothing to write, but the store fails whatever else is asked of it.
    StoreFails(Arc<str>),
    /// It will not be opened again here.
    Ended(Arc<str>),
    /// It was closed on purpose.
    Closed,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Opening(None) => f.write_str("it is being opened"),
            Cause::Opening(Some(reason)) => write!(f, "it is not open yet: {reason}"),
            Cause::Stalled(reason) => write!(f, "nothing that it takes is stored: {reason}"),
            Cause::Full => {
                f.write_str("the disk is full; deletions alone are taken until there is room again")
            }
            Cause::StoreFails(reason) => write!(f, "the object store fails: {reason}"),
            Cause::Ended(reason) => write!(f, "it is not served here any more: {reason}"),
            Cause::Closed => f.write_str("it is closed"),
        }
    }
}
