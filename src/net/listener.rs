//! Accepts connections and starts a task for each.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use super::addresses::{Addresses, Counted};
use super::connection::{self, Client, Shared};
use super::handshake;
use super::limits::Limits;
use super::metrics::ListenerMetrics;
use super::peer::Peer;
use super::places::{Place, Places};
use super::service::{CloseReason, Service};
use super::strangers::{self, Stranger};
use super::write::Outlet;
use crate::runtime::{Complaints, Runtime, TaskKind};
use crate::tls::Acceptor;

/// The pause after a failed accept: out of file descriptors, most likely, and there are none sooner.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The time that a connection which has to make room may take to notice.
const ROOM_TIME: Duration = Duration::from_secs(1);
/// The time that connections which were cut off may take to notice.
const KILL_TIME: Duration = Duration::from_secs(1);

/// A port, and how clients are served who come to it.
#[derive(Debug)]
pub struct Listener {
    pub socket: TcpListener,
    /// The listener's name, as clients are told of it.
    pub name: Arc<str>,
    /// Encryption of all its connections.
    pub tls: Option<Acceptor>,
    /// The most connections that it may have, of those that all may have together.
    pub max_connections: Option<usize>,
}

/// Serves clients on any number of listeners, within limits that they share.
pub struct Server<S> {
    shared: Arc<Shared<S>>,
    places: Places,
    addresses: Addresses,
    runtime: Runtime,
}

/// A listener that is served.
struct Port {
    name: Arc<str>,
    tls: Option<Acceptor>,
    places: Option<Places>,
    metrics: Arc<ListenerMetrics>,
    complaints: Complaints<&'static str>,
}

impl<S: Service> Server<S> {
    pub fn new(service: Arc<S>, limits: Limits, runtime: &Runtime) -> Server<S> {
        let shared = Shared::new(service, limits, runtime);
        let places = Places::new(Arc::clone(&shared.limits.max_connections));
        let addresses = Addresses::new(shared.limits.per_address.clone());
        Server { shared: Arc::new(shared), places, addresses, runtime: runtime.clone() }
    }

    /// Accepts connections until the runtime's shutdown is requested, then waits until what they admitted is answered, for
    /// as long as the limits say.
    pub async fn serve(&self, listener: Listener) {
        let Listener { socket, name, tls, max_connections } = listener;
        let port = self.port(name, tls, max_connections);
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shared.shutdown.requested() => break,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.accept(stream, address, &port).await,
                Err(error) if of_one_connection(error.kind()) => {}
                Err(error) => {
                    if let Some(left_out) = port.complaints.due("accept", self.shared.clock.instant()) {
                        tracing::warn!(listener = %port.name, %error, left_out, "cannot accept connections");
                    }
                    tokio::select! {
                        () = self.shared.shutdown.requested() => break,
                        () = self.shared.clock.sleep(ACCEPT_PAUSE) => {}
                    }
                }
            }
        }
        drop(socket);
        self.drain().await;
    }

    /// Serves a client whose stream came through no socket, until the connection ends, as one at a listener of this name without
    /// TLS.
    pub async fn serve_stream<I>(&self, stream: I, address: SocketAddr, name: Arc<str>)
    where
        I: AsyncRead + AsyncWrite + Send,
    {
        let port = self.port(name, None, None);
        if let Some(open) = self.enter(address, address, &port).await {
            let (reader, writer) = tokio::io::split(stream);
            open.serve(reader, writer).await;
        }
    }

    fn port(&self, name: Arc<str>, tls: Option<Acceptor>, max_connections: Option<usize>) -> Port {
        Port {
            metrics: Arc::new(self.shared.metrics.listener(&name, tls.is_some())),
            name,
            tls,
            places: max_connections.map(|most| Places::new(Arc::new(move || most))),
            complaints: Complaints::default(),
        }
    }

    async fn accept(&self, stream: TcpStream, address: SocketAddr, port: &Port) {
        // Both fail only when the client has gone already, which the first read will show.
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().unwrap_or(address);
        let Some(open) = self.enter(address, local, port).await else { return };
        // Each kind is a future of its own: a plain connection does not take the memory of an encrypted one.
        match port.tls.clone() {
            None => {
                let (reader, writer) = stream.into_split();
                self.runtime.tasks.spawn(TaskKind::Connection, open.serve(reader, writer))
            }
            Some(acceptor) => {
                let closer = &open.client.newcomer.closer;
                let entered = strangers::enter(&self.shared.strangers, address.ip(), closer);
                let serve = open.serve_encrypted(stream, acceptor, entered);
                self.runtime.tasks.spawn(TaskKind::Connection, serve)
            }
        };
    }

    /// A connection, if there is room for it.
    async fn enter(&self, address: SocketAddr, local: SocketAddr, port: &Port) -> Option<Open<S>> {
        port.metrics.accepted.inc();
        let held = self.held(address, port).await?;
        let is_encrypted = port.tls.is_some();
        let listener = Arc::clone(&port.name);
        let peer = Peer { address, local, listener, is_encrypted, certificate: None };
        let newcomer = self.shared.newcomers.add(&port.name);
        let client = Client { peer, newcomer, metrics: Arc::clone(&port.metrics) };
        Some(Open::new(Arc::clone(&self.shared), client, held))
    }

    /// Room for a connection.
    async fn held(&self, address: SocketAddr, port: &Port) -> Option<Held> {
        let refused = |what: &'static str, limit: usize| {
            port.metrics.closed(CloseReason::TooMany);
            if let Some(left_out) = port.complaints.due(what, self.shared.clock.instant()) {
                let (listener, peer) = (&*port.name, address);
                tracing::warn!(listener, %peer, limit, left_out, "refusing connections: too many {what}");
            }
        };
        let Some(counted) = self.addresses.enter(address.ip()) else {
            refused("of one address", self.addresses.most(address.ip()).unwrap_or_default());
            return None;
        };
        let Some(place) = self.place(&self.places, None).await else {
            refused("are open", self.places.most() as usize);
            return None;
        };
        let own = match &port.places {
            None => None,
            Some(places) => match self.place(places, Some(&port.name)).await {
                Some(place) => Some(place),
                None => {
                    refused("at this listener", places.most() as usize);
                    return None;
                }
            },
        };
        Some(Held { _place: place, _own: own, _counted: counted })
    }

    /// A place for a connection, that of one that sent nothing if there is no other.
    async fn place(&self, places: &Places, listener: Option<&str>) -> Option<Place> {
        if let Some(free) = places.take() {
            return Some(free);
        }
        if places.is_overfull() || !self.shared.newcomers.make_room(listener) {
            return None;
        }
        self.shared.clock.timeout(ROOM_TIME, places.wait()).await.ok()?
    }

    async fn drain(&self) {
        let clock = &self.shared.clock;
        if clock.timeout(self.shared.limits.drain, self.places.all_left()).await.is_err() {
            let open = self.places.taken();
            tracing::warn!(open, "cutting off connections that did not finish in time");
            self.shared.kill.request();
            let _ = clock.timeout(KILL_TIME, self.places.all_left()).await;
        }
    }
}

/// Errors of accept that concern the connection which was to be accepted, not the listener.
fn of_one_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Room that a connection has, until it ends.
struct Held {
    _place: Place,
    _own: Option<Place>,
    _counted: Counted,
}

/// A connection, counted for as long as its task lives, however that ends.
struct Open<S> {
    shared: Arc<Shared<S>>,
    client: Client,
    reason: CloseReason,
    _held: Held,
}

impl<S: Service> Open<S> {
    fn new(shared: Arc<Shared<S>>, client: Client, held: Held) -> Open<S> {
        client.metrics.open.inc();
        Open { shared, client, reason: CloseReason::Broken, _held: held }
    }

    async fn serve<R, W>(mut self, reader: R, writer: W)
    where
        R: AsyncRead + Unpin + Send,
        W: Outlet,
    {
        self.reason = connection::run(&self.shared, &self.client, None, reader, writer).await;
    }

    async fn serve_encrypted(mut self, stream: TcpStream, acceptor: Acceptor, entered: Stranger) {
        self.reason = match handshake::encrypt(&self.shared, &self.client, &acceptor, stream).await {
            Ok(stream) => {
                self.client.peer.certificate = stream.certificate();
                let (reader, writer) = stream.into_split();
                connection::run(&self.shared, &self.client, Some(entered), reader, writer).await
            }
            Err(reason) => reason,
        };
    }
}

impl<S> Drop for Open<S> {
    fn drop(&mut self) {
        let (peer, reason) = (self.client.peer.address, self.reason);
        tracing::debug!(%peer, ?reason, "connection closed");
        self.client.metrics.open.dec();
        self.client.metrics.closed(reason);
    }
}
