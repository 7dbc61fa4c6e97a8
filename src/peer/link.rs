//! The connection to one peer for one service: made when it is needed, and made anew when it has ended.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared as SharedFuture};
use http_body_util::Full;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

use super::Service;
use super::dial::host;
use super::handshake::{self, HandshakeError};
use super::hello::Refusal;
use super::limits::{CONNECT_LIMIT, CONNECT_PAUSE, PING_INTERVAL, PING_LIMIT, Share};
use super::shared::{Failure, Shared};
use super::wire::{ByteStream, Dial, ReadError, Spawner, Time, read};
use crate::runtime::TaskKind;
use crate::runtime::clock::Instant;
use crate::types::BrokerId;

/// The only thing that can be asked for.
pub(super) const CALL_PATH: &str = "/call";
const CALL_URI: &str = "http://broker/call";

pub(super) struct Link {
    peer: BrokerId,
    service: Service,
    shared: Arc<Shared>,
    dial: Arc<Dial>,
    state: Mutex<State>,
    /// Room for what is unanswered.
    calls: Semaphore,
    bytes: Semaphore,
}

enum State {
    /// Since when, unless there never was a connection.
    Down(Option<Instant>),
    Connecting(Attempt),
    Up(Connection),
}

/// An attempt to connect goes on whoever stops waiting for it, within a limit of its own.
type Attempt = SharedFuture<BoxFuture<'static, Result<Connection, Failure>>>;

#[derive(Clone)]
struct Connection {
    send: SendRequest<Full<Bytes>>,
    /// The peer's.
    incarnation: u64,
}

/// The end of a call on one connection.
enum Ending {
    Answered(Bytes),
    /// The connection had ended before.
    NotSent,
    /// It may have arrived.
    Broken(String),
    Failed(Failure),
}

impl Link {
    pub fn new(peer: BrokerId, service: Service, shared: &Arc<Shared>, dial: &Arc<Dial>) -> Link {
        let Share { calls, bytes } = service.share();
        Link {
            peer,
            service,
            shared: Arc::clone(shared),
            dial: Arc::clone(dial),
            state: Mutex::new(State::Down(None)),
            calls: Semaphore::new(calls as usize),
            bytes: Semaphore::new(bytes as usize),
        }
    }

    /// Calls the peer. Whoever drops the future ends the call, on the other side too.
    pub async fn call(self: &Arc<Self>, request: Bytes) -> Result<Bytes, Failure> {
        let (len, most) = (request.len(), self.service.max_request_bytes());
        if len > most {
            return Err(Failure::new(format!("a request of {len} bytes; {most} are allowed")));
        }
        let weight = u32::try_from(request.len()).unwrap_or(u32::MAX);
        let closed = |_| Failure::new("this broker is stopping");
        let _call = self.calls.acquire().await.map_err(closed)?;
        let _bytes = self.bytes.acquire_many(weight).await.map_err(closed)?;
        let mut is_repeated = false;
        loop {
            let connection = self.connection().await?;
            let reason = match connection.ask(request.clone()).await {
                Ending::Answered(answer) if self.is_current(&connection) => return Ok(answer),
                Ending::Failed(failure) => return Err(failure),
                Ending::NotSent if !is_repeated => {
                    is_repeated = true;
                    continue;
                }
                Ending::Broken(_) | Ending::Answered(_) if !is_repeated && self.service.may_repeat() => {
                    is_repeated = true;
                    continue;
                }
                Ending::Answered(_) => "a process answered that has been replaced".to_owned(),
                Ending::NotSent => "the connection ended".to_owned(),
                Ending::Broken(reason) => reason,
            };
            return Err(Failure::new(reason));
        }
    }

    async fn connection(self: &Arc<Self>) -> Result<Connection, Failure> {
        let attempt = {
            let state = &mut *self.state.lock();
            match state {
                State::Up(connection) if self.is_usable(connection) => return Ok(connection.clone()),
                State::Connecting(attempt) if attempt.peek().is_none() => attempt.clone(),
                State::Down(since) => self.attempt(*since, state),
                State::Up(_) | State::Connecting(_) => self.attempt(None, state),
            }
        };
        attempt.await
    }

    fn is_usable(&self, connection: &Connection) -> bool {
        !connection.send.is_closed() && self.is_current(connection)
    }

    /// False if a newer process of the peer has been heard of since.
    fn is_current(&self, connection: &Connection) -> bool {
        connection.incarnation >= self.shared.known.newest(self.peer)
    }

    /// Starts to connect, a moment after the last failure.
    fn attempt(self: &Arc<Self>, failed: Option<Instant>, state: &mut State) -> Attempt {
        let (done, outcome) = oneshot::channel();
        let link = Arc::clone(self);
        self.shared.runtime.tasks.spawn(TaskKind::Peer, async move {
            let clock = &link.shared.runtime.clock;
            if let Some(failed) = failed {
                clock.sleep_until(failed + CONNECT_PAUSE).await;
            }
            let connected = tokio::select! {
                () = link.shared.stop.requested() => Err(Failure::new("this broker is stopping")),
                connected = clock.timeout(CONNECT_LIMIT, link.connect()) => connected.unwrap_or_else(|_| {
                    Err(Failure::new(format!("no connection within {CONNECT_LIMIT:?}")))
                }),
            };
            *link.state.lock() = match &connected {
                Ok(connection) => State::Up(connection.clone()),
                Err(_) => State::Down(Some(clock.instant())),
            };
            // Nobody may be waiting any more.
            let _ = done.send(connected);
        });
        let ended = || Failure::new("connecting ended early");
        let attempt = async move { outcome.await.unwrap_or_else(|_| Err(ended())) }.boxed().shared();
        *state = State::Connecting(attempt.clone());
        attempt
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let Shared { settings, known, runtime, stop, .. } = &*self.shared;
        let me = self.shared.me().ok_or_else(|| Failure::new("this broker has not started yet"))?;
        let (address, stream) = self.reach().await?;
        let at = |reason: &dyn std::fmt::Display| Failure::new(format!("{address}: {reason}"));
        let encrypted = settings.tls.call(stream, host(&address)).await;
        let (mut stream, binding) = encrypted.map_err(|error| at(&format_args!("TLS: {error}")))?;
        let called = (self.peer, self.service);
        let proven = handshake::call(&mut stream, &binding, me, called, &settings.secret, known).await;
        let proven = proven.map_err(|error| {
            self.complain(&error);
            at(&error)
        })?;
        let Share { calls, bytes } = self.service.share();
        let opened = Builder::new(Spawner(runtime.clone()))
            .timer(Time(runtime.clock.clone()))
            .initial_max_send_streams(calls as usize)
            .initial_stream_window_size(bytes)
            .initial_connection_window_size(bytes)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_LIMIT)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await;
        let (send, connection) = opened.map_err(|error| at(&error))?;
        let (peer, service, stop) = (self.peer, self.service, stop.clone());
        runtime.tasks.spawn(TaskKind::Peer, async move {
            tokio::select! {
                () = stop.requested() => {}
                ended = connection => {
                    tracing::debug!(%peer, ?service, ?ended, "a connection to a broker ended");
                }
            }
        });
        let (incarnation, version) = (proven.incarnation, proven.version);
        tracing::debug!(%peer, ?service, incarnation, version, "connected to a broker");
        Ok(Connection { send, incarnation })
    }

    /// A stream to the first of its addresses where somebody listens.
    async fn reach(&self) -> Result<(String, Box<dyn ByteStream>), Failure> {
        let addresses = self.shared.addresses(self.peer);
        let mut failure = Failure::new("nobody knows where it is (RAFT_PEERS)");
        let mut is_refused = !addresses.is_empty();
        for address in addresses {
            match (self.dial)(address.clone()).await {
                Ok(stream) => return Ok((address, stream)),
                Err(error) => {
                    is_refused &= error.is_refused;
                    failure = Failure { is_refused, reason: error.reason };
                }
            }
        }
        Err(failure)
    }

    /// Tells the log of what only people can put right.
    fn complain(&self, error: &HandshakeError) {
        self.shared.metrics.refused(error);
        let is_wrong = matches!(
            error,
            HandshakeError::Proof
                | HandshakeError::Refused(
                    Refusal::Proof | Refusal::Cluster | Refusal::Broker(_) | Refusal::Version(_)
                )
        );
        let now = self.shared.runtime.clock.instant();
        if is_wrong && let Some(left_out) = self.shared.complaints.due(self.peer, now) {
            tracing::warn!(peer = %self.peer, %error, left_out, "cannot connect to a broker");
        }
    }
}

impl Connection {
    async fn ask(&self, request: Bytes) -> Ending {
        let mut send = self.send.clone();
        let mut request = Request::new(Full::new(request));
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = hyper::Uri::from_static(CALL_URI);
        let response = match send.try_send_request(request).await {
            Ok(response) => response,
            Err(mut error) => {
                let is_unsent = error.take_message().is_some();
                let reason = error.into_error().to_string();
                return if is_unsent { Ending::NotSent } else { Ending::Broken(reason) };
            }
        };
        let status = response.status();
        match read(response.into_body()).await {
            Ok(answer) if status == StatusCode::OK => Ending::Answered(answer),
            Ok(_) => Ending::Failed(Failure::new(format!("it refuses the call: {status}"))),
            Err(ReadError::TooLarge) => Ending::Failed(Failure::new("its answer is too large")),
            Err(ReadError::Broken(error)) => Ending::Broken(error.to_string()),
        }
    }
}
