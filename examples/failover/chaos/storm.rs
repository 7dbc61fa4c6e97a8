//! Storms between a broker and its store: an HTTP proxy for each broker, which fails requests, delays them, loses their answers,
//! passes PUTs on late, or lets nothing through.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What is wrong between a broker and its store. Shares are percent of the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Storm {
    /// Nothing reaches the store, or no answer comes back.
    pub cut: Cut,
    pub delay: Duration,
    /// Refused with an error, without effect.
    pub errors: u32,
    /// Done, and the connection ends without an answer.
    pub lost: u32,
    /// PUTs that fail now, and are done up to `late_by` later, whether their broker lives or not.
    pub late: u32,
    pub late_by: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    #[default]
    None,
    /// Requests wait.
    Requests,
    /// Requests are done, and their answers wait.
    Answers,
}

/// How many requests met what.
#[derive(Debug, Default)]
pub struct Counts {
    pub all: AtomicU64,
    pub held: AtomicU64,
    pub delayed: AtomicU64,
    pub failed: AtomicU64,
    pub lost: AtomicU64,
    pub late: AtomicU64,
}

/// The ways of all brokers to their store.
pub struct Ways {
    storms: Vec<watch::Sender<Storm>>,
    pub counts: Arc<Counts>,
    _runtime: Runtime,
}

/// One way, as a connection of it knows it.
#[derive(Clone)]
struct Way {
    storm: watch::Receiver<Storm>,
    counts: Arc<Counts>,
    store: SocketAddr,
}

/// Nobody hears the answer.
#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the answer is lost")
    }
}

impl std::error::Error for Lost {}

type Answer = Response<Full<Bytes>>;

impl Ways {
    /// Opens a way to the store on each of these ports.
    pub fn open(store: SocketAddr, ports: &[u16]) -> Ways {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let counts = Arc::new(Counts::default());
        let mut storms = Vec::new();
        for port in ports {
            let (sender, storm) = watch::channel(Storm::default());
            storms.push(sender);
            let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", *port)));
            let way = Way { storm, counts: Arc::clone(&counts), store };
            runtime.spawn(accept(listener.expect("a port for a proxy"), way));
        }
        Ways { storms, counts, _runtime: runtime }
    }

    pub fn set(&self, broker: usize, storm: Storm) {
        self.storms[broker].send_replace(storm);
    }

    pub fn calm(&self) {
        (0..self.storms.len()).for_each(|broker| self.set(broker, Storm::default()));
    }
}

async fn accept(listener: TcpListener, way: Way) {
    while let Ok((stream, _)) = listener.accept().await {
        let way = way.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let way = way.clone();
                async move { way.take(request).await }
            });
            // A client that goes away, and an answer that is lost, end a connection.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Way {
    /// Passes a request on that has come whole: what its broker does meanwhile, or whether it lives, changes nothing for it.
    async fn take(&self, request: Request<Incoming>) -> Result<Answer, Lost> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        let way = self.clone();
        let passed = tokio::spawn(async move { way.pass(Request::from_parts(head, Full::new(body))).await });
        passed.await.map_err(|_| Lost)?
    }

    async fn pass(&self, request: Request<Full<Bytes>>) -> Result<Answer, Lost> {
        self.counts.all.fetch_add(1, Ordering::Relaxed);
        let storm = *self.storm.borrow();
        if !storm.delay.is_zero() {
            self.counts.delayed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(storm.delay).await;
        }
        self.until_open(Cut::Requests).await;
        if happens(storm.errors) {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
            let busy = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE];
            return Ok(failure(busy[usize::from(rand::random_bool(0.5))]));
        }
        if request.method() == Method::PUT && happens(storm.late) {
            self.counts.late.fetch_add(1, Ordering::Relaxed);
            let (way, by) = (self.clone(), storm.late_by.mul_f64(rand::random()));
            tokio::spawn(async move {
                tokio::time::sleep(by).await;
                // Nobody waits for the answer.
                let _ = way.ask(request).await;
            });
            return Ok(failure(StatusCode::INTERNAL_SERVER_ERROR));
        }
        let answer = self.ask(request).await;
        self.until_open(Cut::Answers).await;
        if happens(storm.lost) {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
            return Err(Lost);
        }
        answer.map_err(|_| Lost)
    }

    async fn until_open(&self, cut: Cut) {
        if self.storm.borrow().cut == cut {
            self.counts.held.fetch_add(1, Ordering::Relaxed);
            // The sender lives as long as the ways do.
            let _ = self.storm.clone().wait_for(|storm| storm.cut != cut).await;
        }
    }

    /// Has the store do a request, on a connection of its own.
    async fn ask(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.store).await?;
        stream.set_nodelay(true)?;
        stream.set_zero_linger()?;
        let stream = TokioIo::new(Abrupt(stream));
        let (mut store, connection) = hyper::client::conn::http1::handshake(stream).await?;
        tokio::spawn(connection);
        let (mut head, body) = store.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        // The body goes on in one piece.
        head.headers.remove(hyper::header::TRANSFER_ENCODING);
        // The broker's connection is another one.
        head.headers.remove(hyper::header::CONNECTION);
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

/// A connection that is not closed but reset: one that is closed stays in the kernel's table for a minute, and of those that a store
/// ends after each answer there would soon be tens of thousands.
struct Abrupt(TcpStream);

impl AsyncRead for Abrupt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Abrupt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn happens(percent: u32) -> bool {
    rand::random_range(0..100) < percent
}

fn failure(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// The way of a store's address, as `http://host:port` gives it.
pub fn address(endpoint: &str) -> Option<SocketAddr> {
    endpoint.strip_prefix("http://")?.trim_end_matches('/').parse().ok()
}
