//! A client that sends what it is told, at the version it is told.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafkaesque::protocol::codec::{Message as _, Request};
use kafkaesque::protocol::header;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No answer takes this long in a test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes to and from a broker.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection.
pub struct Client {
    stream: Box<dyn Stream>,
    correlation_id: i32,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).await.expect("the broker accepts");
        stream.set_nodelay(true).expect("a socket option");
        Client::over(stream)
    }

    /// Over a connection that is there.
    pub fn over(stream: impl Stream + 'static) -> Client {
        Client { stream: Box::new(stream), correlation_id: 0 }
    }

    /// Sends a request and returns its correlation id.
    pub async fn send<R: Request>(&mut self, request: &R, version: i16) -> i32 {
        self.correlation_id += 1;
        let frame = header::request_frame(request, version, self.correlation_id, Some("test"))
            .unwrap_or_else(|error| panic!("{:?} version {version}: {error}", R::KEY));
        for chunk in frame {
            self.raw(&chunk).await;
        }
        self.correlation_id
    }

    /// Receives the answer to the oldest unanswered request, which must be an `R` at `version`.
    pub async fn receive<R: Request>(&mut self, version: i16) -> (i32, R::Response) {
        let frame = self.frame().await.expect("an answer, not the end of the connection");
        let (id, body) = header::decode_response_header(&frame, R::KEY, version).expect("a response header");
        let response = R::Response::decode(&body, version)
            .unwrap_or_else(|error| panic!("{:?} version {version}: {error}", R::KEY));
        (id, response)
    }

    /// Asks and waits for the answer.
    pub async fn ask<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let sent = self.send(request, version).await;
        let (id, response) = self.receive::<R>(version).await;
        assert_eq!(id, sent, "the answer to another request");
        response
    }

    /// Sends bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) {
        self.send_raw(bytes).await.expect("the broker reads");
    }

    /// Sends bytes as they are, if the broker takes them.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        // Encryption may keep some back until then.
        self.stream.flush().await
    }

    /// Ends the sending half of the connection.
    pub async fn send_no_more(&mut self) {
        self.stream.shutdown().await.expect("a connection");
    }

    /// The next frame without its length; none if the connection ends instead.
    pub async fn frame(&mut self) -> Option<Bytes> {
        let read = async {
            let length = self.stream.read_i32().await.ok()?;
            let mut frame = BytesMut::zeroed(usize::try_from(length).expect("a length"));
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(frame.freeze())
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the broker answers or closes")
    }

    /// True if nothing comes for `quiet`.
    pub async fn hears_nothing_for(&mut self, quiet: Duration) -> bool {
        tokio::time::timeout(quiet, self.stream.read_u8()).await.is_err()
    }
}
