//! The keys of one issuer over time: read when the process starts, again from time to time, and for a key that is not known.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::fetch::Location;
use super::keys::Keys;
use crate::runtime::clock::Instant;
use crate::runtime::{Clock, Shutdown};

/// Whoever is asked for keys answers within this time.
const ANSWER: Duration = Duration::from_secs(10);
/// Keys from a URL are read again after this time ..
const KEPT: Duration = Duration::from_secs(3600);
/// .. and those from a file, which costs nothing, after this.
const LOOK: Duration = Duration::from_secs(5);
/// Keys are asked for again, if there was no answer, after a time that begins with the first and ends at the second.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Tokens with unknown keys cause questions this often.
const UNKNOWN: Duration = Duration::from_secs(60);

/// A place of keys, and what was last read there.
#[derive(Debug)]
pub(super) struct Source {
    location: Location,
    /// The issuer, for the log.
    issuer: String,
    began: Instant,
    clock: Clock,
    state: Mutex<State>,
    /// Held by the one who asks.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<Arc<Keys>>,
    /// The text that was read last ..
    published: Vec<u8>,
    /// .. and whether it had keys.
    is_good: bool,
    /// The last time that there were keys.
    read: Option<Instant>,
    /// The last question that an unknown key caused.
    asked: Option<Instant>,
}

impl Source {
    pub(super) fn new(location: Location, issuer: &str, clock: &Clock) -> Source {
        Source {
            location,
            issuer: issuer.to_owned(),
            began: clock.instant(),
            clock: clock.clone(),
            state: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Takes keys that were read at the start.
    pub(super) fn begin_with(&self, published: Vec<u8>) -> Result<(), String> {
        let keys = Keys::read(&published)?;
        let read = Some(self.clock.instant());
        *self.state.lock() =
            State { keys: Some(Arc::new(keys)), published, is_good: true, read, asked: None };
        Ok(())
    }

    /// The issuer, and the time since its keys were read; since the start, if they never were.
    pub(super) fn age(&self) -> (&str, Duration) {
        let read = self.state.lock().read.unwrap_or(self.began);
        (&self.issuer, self.clock.instant().duration_since(read))
    }

    /// Reads the keys for as long as the process runs.
    pub(super) async fn keep(self: Arc<Self>, shutdown: Shutdown) {
        let mut retry = RETRY.0;
        loop {
            let is_read = {
                let _turn = self.turn.lock().await;
                self.read().await
            };
            let wait = match (&self.location, is_read) {
                (Location::File(_), _) => LOOK,
                (Location::Url(_), true) => KEPT,
                (Location::Url(_), false) => retry,
            };
            retry = if is_read { RETRY.0 } else { (retry * 2).min(RETRY.1) };
            tokio::select! {
                () = shutdown.requested() => return,
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    /// The keys, among which is `kid` if the issuer has it. Old ones hold while there are no others.
    pub(super) async fn keys(&self, kid: Option<&str>) -> Option<Arc<Keys>> {
        let known = self.state.lock().keys.clone();
        if known.as_ref().is_some_and(|keys| keys.has(kid)) {
            return known;
        }
        // Another may be asking for keys: those will do.
        let _turn = self.turn.lock().await;
        let known = self.state.lock().keys.clone();
        if known.as_ref().is_some_and(|keys| keys.has(kid)) || !self.may_ask() {
            return known;
        }
        self.read().await;
        self.state.lock().keys.clone()
    }

    fn may_ask(&self) -> bool {
        let now = self.clock.instant();
        let mut state = self.state.lock();
        if state.asked.is_some_and(|asked| now.duration_since(asked) < UNKNOWN) {
            return false;
        }
        state.asked = Some(now);
        true
    }

    /// Reads the keys once. True if there was an answer with keys.
    async fn read(&self) -> bool {
        let published = match self.clock.timeout(ANSWER, self.location.read()).await {
            Ok(Ok(published)) => published,
            Ok(Err(error)) => {
                tracing::warn!(issuer = self.issuer, %error, "keys of tokens could not be read");
                return false;
            }
            Err(_) => {
                tracing::warn!(issuer = self.issuer, error = "no answer", "keys of tokens could not be read");
                return false;
            }
        };
        let mut state = self.state.lock();
        if state.published != published {
            let read = Keys::read(&published);
            state.is_good = read.is_ok();
            match read {
                Ok(keys) => {
                    tracing::info!(issuer = self.issuer, keys = keys.len(), "keys of tokens were read");
                    state.keys = Some(Arc::new(keys));
                }
                Err(error) => {
                    tracing::warn!(issuer = self.issuer, %error, "keys of tokens could not be read");
                }
            }
            state.published = published;
        }
        if state.is_good {
            state.read = Some(self.clock.instant());
        }
        state.keys.is_some()
    }
}
