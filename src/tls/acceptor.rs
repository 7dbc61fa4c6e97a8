//! The server's side of TLS: makes encrypted streams of connections, with the files as they are now.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::config::Config;
use super::files::{CERTIFICATE, Contents, Digest, Error, Files};
use super::metrics::Metrics;
use super::stream::{Counted, Stream};
use crate::runtime::Runtime;

/// The files are compared this often.
const LOOK: Duration = Duration::from_secs(5);
/// Files that changed are read again after this time, so that none is taken that is just being written ..
const SETTLE: Duration = Duration::from_millis(250);
/// .. and so many times, until they are the same twice.
const READINGS: usize = 4;

/// Accepts encrypted connections. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Acceptor(Arc<Shared>);

struct Shared {
    listener: String,
    files: Files,
    current: RwLock<Arc<Config>>,
    /// Sessions go on across a change of files, but never at another listener, which may ask for more.
    tickets: Arc<dyn ProducesTickets>,
    seen: Mutex<Seen>,
    metrics: Metrics,
    runtime: Runtime,
}

/// The files when they were looked at last.
#[derive(Default)]
struct Seen {
    /// Contents that are in use.
    used: Digest,
    /// Why what is there now is not in use.
    refused: Option<String>,
    /// The certificate in use was complained of.
    is_expired: bool,
}

impl Acceptor {
    /// Reads the files. The listener's name stands in metrics and log.
    pub fn open(listener: &str, files: Files, runtime: &Runtime) -> Result<Acceptor, Error> {
        let contents = Contents::read(&files)?;
        let failed = |error: rustls::Error| Error::of(CERTIFICATE, &files.certificate, &error);
        let tickets = Ticketer::new().map_err(failed)?;
        let config = Config::new(&files, &contents, &tickets, &runtime.clock)?;
        let seen = Seen { used: contents.digest(), ..Seen::default() };
        let acceptor = Acceptor(Arc::new(Shared {
            listener: listener.to_owned(),
            metrics: Metrics::register(&runtime.metrics, listener),
            files,
            current: RwLock::new(Arc::new(config)),
            tickets,
            seen: Mutex::new(seen),
            runtime: runtime.clone(),
        }));
        acceptor.show();
        Ok(acceptor)
    }

    /// Takes changed files into use every few seconds, until the runtime's shutdown is requested.
    pub async fn watch(self) {
        let runtime = &self.0.runtime;
        loop {
            tokio::select! {
                biased;
                () = runtime.shutdown.requested() => return,
                () = runtime.clock.sleep(LOOK) => self.look().await,
            }
        }
    }

    /// The trouble with the files, in words for an operator: they cannot be used, or have expired in use.
    pub fn problem(&self) -> Option<String> {
        let refused = self.0.seen.lock().refused.clone();
        let expired = || format!("{CERTIFICATE}: {}: the certificate in use has expired", self.certificate());
        refused.or_else(|| self.is_expired().then(expired))
    }

    /// Does the handshake of a new connection. If it fails, the stream comes back, with an alert on its way to the client:
    /// closed at once, it might never arrive.
    pub async fn accept<S>(&self, stream: S) -> Result<Stream<S>, (io::Error, S)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.accept_within(stream, |_| true).await
    }

    /// The same, while `may_read` says so of the bytes that have arrived: the encryption keeps those of a message that is
    /// not complete.
    pub async fn accept_within<S>(
        &self,
        stream: S,
        may_read: impl FnMut(u64) -> bool + Send + Sync + 'static,
    ) -> Result<Stream<S>, (io::Error, S)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = Counted::new(stream, Box::new(may_read));
        let config = Arc::clone(&self.0.current.read());
        let accepting = TlsAcceptor::from(Arc::clone(&config.server)).accept(stream);
        let stream = match accepting.into_fallible().await {
            Ok(stream) => stream,
            Err((error, stream)) => return Err((error, stream.into_inner())),
        };
        match config.check_resumed(stream.get_ref().1) {
            Ok(()) => Ok(Stream::new(stream)),
            Err(error) => Err((io::Error::other(error), stream.into_inner().0.into_inner())),
        }
    }

    /// Looks at the files once.
    pub(super) async fn look(&self) {
        let mut reading = self.read().await;
        for _ in 1..READINGS {
            let used = self.0.seen.lock().used;
            if reading.as_ref().is_ok_and(|contents| contents.digest() == used) {
                self.settled(None);
                break;
            }
            self.0.runtime.clock.sleep(SETTLE).await;
            let before = std::mem::replace(&mut reading, self.read().await);
            match (before, &reading) {
                (Ok(before), Ok(contents)) if before.digest() == contents.digest() => {
                    self.judge(contents);
                    break;
                }
                (Err(before), Err(error)) if before == *error => {
                    self.settled(Some(error.to_string()));
                    break;
                }
                _ => {}
            }
        }
        self.show();
    }

    async fn read(&self) -> Result<Contents, Error> {
        let files = self.0.files.clone();
        let read = self.0.runtime.tasks.blocking(move || Contents::read(&files)).await;
        read.unwrap_or_else(|error| Err(Error::of(CERTIFICATE, &self.0.files.certificate, &error)))
    }

    fn judge(&self, contents: &Contents) {
        let Shared { files, tickets, runtime, .. } = &*self.0;
        match Config::new(files, contents, tickets, &runtime.clock) {
            Ok(config) => {
                *self.0.current.write() = Arc::new(config);
                self.0.seen.lock().used = contents.digest();
                self.0.metrics.reloaded();
                self.settled(None);
                tracing::info!(
                    listener = self.0.listener,
                    "TLS files have changed, new connections use them"
                );
            }
            Err(error) => self.settled(Some(error.to_string())),
        }
    }

    fn settled(&self, refused: Option<String>) {
        let seen = &mut *self.0.seen.lock();
        if seen.refused == refused {
            return;
        }
        match &refused {
            Some(reason) => tracing::error!(
                listener = self.0.listener,
                reason,
                "TLS files have changed and cannot be used, new connections use those from before"
            ),
            None => tracing::info!(listener = self.0.listener, "TLS files can be used again"),
        }
        seen.refused = refused;
    }

    fn show(&self) {
        let is_expired = self.is_expired();
        let seen = &mut *self.0.seen.lock();
        if is_expired && !seen.is_expired {
            let certificate = self.certificate();
            let listener = &self.0.listener;
            tracing::error!(listener, %certificate, "the TLS certificate in use has expired");
        }
        seen.is_expired = is_expired;
        let config = Arc::clone(&self.0.current.read());
        let now_ms = self.0.runtime.clock.now_ms();
        self.0.metrics.show(&config.certificates, seen.refused.is_some(), now_ms);
    }

    fn is_expired(&self) -> bool {
        let now_ms = self.0.runtime.clock.now_ms();
        let config = self.0.current.read();
        config.certificates.first().is_some_and(|(_, facts)| facts.is_expired(now_ms))
    }

    fn certificate(&self) -> std::path::Display<'_> {
        self.0.files.certificate.display()
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acceptor").field(&self.0.listener).finish()
    }
}
