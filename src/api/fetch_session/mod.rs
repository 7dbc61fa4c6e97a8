//! Fetch sessions (KIP-227): the broker remembers what a consumer fetches, and tells it only of partitions that changed.
//! It must never know logs, shards or the wire: keys, numbers and times come in, decisions go out.
//! Entry point: [`Sessions::begin`] before a fetch and [`Sessions::finish`] after it; [`SharedSessions`] for handlers.
//! Invariant: a session's epoch goes up by one with every fetch, and an answer of another epoch is never given.
//!
//! The rules are those of Kafka 4.4's `FetchManager`, `FetchContext`, `FetchSession` and `FetchSessionCacheShard`.
//! Left out: privileged sessions, which are for followers.

mod cache;
mod session;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;

use crate::runtime::Runtime;
use crate::types::TopicId;
use cache::Cache;
pub use cache::{EVICTION_MS, SLOTS};
use session::Session;

/// The session id of a fetch without a session, and of an answer that opens none.
pub const NO_SESSION: i32 = 0;
/// The epoch of a fetch that closes its session, if it has one, and wants none.
pub const FINAL_EPOCH: i32 = -1;
/// The epoch of a fetch that wants a new session.
pub const INITIAL_EPOCH: i32 = 0;

/// The refusal of a fetch as a whole; the client starts again with a full fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SessionError {
    /// `FETCH_SESSION_ID_NOT_FOUND`
    #[error("there is no such fetch session")]
    NotFound,
    /// `INVALID_FETCH_SESSION_EPOCH`
    #[error("the fetch session has another epoch")]
    InvalidEpoch,
    /// `FETCH_SESSION_TOPIC_ID_ERROR`: a session's fetches all use topic ids, or none does.
    #[error("the fetch session and the request differ in the use of topic ids")]
    TopicIds,
}

/// A topic as a request names it: by id from version 13 on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TopicKey {
    Id(TopicId),
    Name(Arc<str>),
}

/// A partition as a request names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub topic: TopicKey,
    pub partition: i32,
}

/// A request for one partition, remembered by a session until the client says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    pub fetch_offset: i64,
    pub max_bytes: i32,
    /// -1 if the client does not say.
    pub current_leader_epoch: i32,
    /// -1 if the client does not say.
    pub last_fetched_epoch: i32,
}

/// The session's part of a fetch request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub session_id: i32,
    pub epoch: i32,
    /// Version 13 and above.
    pub uses_topic_ids: bool,
    pub partitions: Vec<(Key, Params)>,
    pub forgotten: Vec<Key>,
}

/// Partitions to be read, in this order, and what becomes of their answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub partitions: Vec<(Key, Params)>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sessionless,
    /// Opens a session with the answers if there is room.
    Full {
        uses_topic_ids: bool,
    },
    Incremental {
        session_id: i32,
        epoch: i32,
    },
}

/// The answer of a partition of a [`Fetch`], as far as sessions care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub records_bytes: usize,
    pub high_watermark: i64,
    pub log_start_offset: i64,
    pub is_error: bool,
    /// The client's last epoch diverges from the log; always told.
    pub diverges: bool,
}

/// The session's part of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub session_id: i32,
    /// Of each partition of the fetch: whether it goes into the response.
    pub include: Vec<bool>,
}

/// All sessions of a broker.
#[derive(Debug)]
pub struct Sessions(Cache);

impl Sessions {
    /// At most `slots` sessions; one may be pushed out after `eviction_ms`.
    pub fn new(slots: usize, eviction_ms: i64) -> Sessions {
        Sessions(Cache::new(slots, eviction_ms))
    }

    /// Takes a request in: what is to be read for it.
    pub fn begin(&mut self, request: Request, now_ms: i64) -> Result<Fetch, SessionError> {
        let Request { session_id, epoch, uses_topic_ids, partitions, forgotten } = request;
        if epoch == INITIAL_EPOCH || epoch == FINAL_EPOCH {
            self.0.remove(session_id);
            let kind = if epoch == FINAL_EPOCH { Kind::Sessionless } else { Kind::Full { uses_topic_ids } };
            return Ok(Fetch { partitions: unique(partitions), kind });
        }
        let session = self.0.get_mut(session_id).ok_or(SessionError::NotFound)?;
        if session.epoch != epoch {
            return Err(SessionError::InvalidEpoch);
        }
        if session.uses_topic_ids != uses_topic_ids {
            return Err(SessionError::TopicIds);
        }
        session.update(&partitions, &forgotten);
        if session.is_empty() {
            self.0.remove(session_id);
            return Ok(Fetch { partitions: unique(partitions), kind: Kind::Sessionless });
        }
        session.epoch = next_epoch(epoch);
        let fetch = Fetch { partitions: session.partitions(), kind: Kind::Incremental { session_id, epoch } };
        self.0.touch(session_id, now_ms);
        Ok(fetch)
    }

    /// Ends a fetch with the `outcomes` of its partitions, in their order. `random` gives candidates for a new session's id.
    pub fn finish(
        &mut self,
        fetch: &Fetch,
        outcomes: impl IntoIterator<Item = Outcome>,
        now_ms: i64,
        random: impl FnMut() -> i32,
    ) -> Result<Reply, SessionError> {
        let everything = || vec![true; fetch.partitions.len()];
        let answered = fetch.partitions.iter().zip(outcomes);
        match fetch.kind {
            Kind::Sessionless => Ok(Reply { session_id: NO_SESSION, include: everything() }),
            Kind::Full { uses_topic_ids } => {
                let session = || Session::new(uses_topic_ids, answered, now_ms);
                let session_id = self.0.create(fetch.partitions.len(), now_ms, random, session);
                Ok(Reply { session_id: session_id.unwrap_or(NO_SESSION), include: everything() })
            }
            Kind::Incremental { session_id, epoch } => {
                let session = self.0.get_mut(session_id).filter(|session| session.epoch == next_epoch(epoch));
                let session = session.ok_or(SessionError::InvalidEpoch)?;
                let include = answered.map(|((key, _), outcome)| session.note(key, outcome)).collect();
                Ok(Reply { session_id, include })
            }
        }
    }
}

/// The epoch after `epoch`; it starts again at 1 after the last one (Kafka: `FetchMetadata.nextEpoch`).
fn next_epoch(epoch: i32) -> i32 {
    match epoch {
        ..0 => FINAL_EPOCH,
        i32::MAX => 1,
        epoch => epoch + 1,
    }
}

/// A partition named twice is asked for once, as it was named last.
fn unique(partitions: Vec<(Key, Params)>) -> Vec<(Key, Params)> {
    let mut places = HashMap::with_capacity(partitions.len());
    let mut out: Vec<(Key, Params)> = Vec::with_capacity(partitions.len());
    for (key, params) in partitions {
        match places.get(&key) {
            Some(&place) => out[place] = (key, params),
            None => {
                places.insert(key.clone(), out.len());
                out.push((key, params));
            }
        }
    }
    out
}

/// [`Sessions`] for handlers: with a clock and randomness, and behind a lock that is held for a moment. Cheap to clone.
#[derive(Clone)]
pub struct SharedSessions {
    sessions: Arc<Mutex<Sessions>>,
    runtime: Runtime,
}

impl SharedSessions {
    /// With Kafka's defaults (`max.incremental.fetch.session.cache.slots`).
    pub fn new(runtime: &Runtime) -> SharedSessions {
        let sessions = Sessions::new(SLOTS, EVICTION_MS);
        SharedSessions { sessions: Arc::new(Mutex::new(sessions)), runtime: runtime.clone() }
    }

    /// See [`Sessions::begin`].
    pub fn begin(&self, request: Request) -> Result<Fetch, SessionError> {
        self.sessions.lock().begin(request, self.runtime.clock.now_ms())
    }

    /// See [`Sessions::finish`].
    pub fn finish(
        &self,
        fetch: &Fetch,
        outcomes: impl IntoIterator<Item = Outcome>,
    ) -> Result<Reply, SessionError> {
        let random = || (self.runtime.rng.u64() & i32::MAX as u64) as i32;
        self.sessions.lock().finish(fetch, outcomes, self.runtime.clock.now_ms(), random)
    }
}
