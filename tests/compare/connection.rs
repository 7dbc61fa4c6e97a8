//! A connection that sends frames as they are and opens anew after the broker closed it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafkaesque::protocol::codec::{Message as _, Request};
use kafkaesque::protocol::header::{LENGTH_SIZE, decode_response_header, request_frame};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// No answer takes this long.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a broker does with a frame.
#[derive(Debug)]
pub enum Reply {
    /// The answer without its length.
    Frame(Bytes),
    Closed,
    /// Nothing for [`PATIENCE`].
    Silence,
}

pub struct Connection {
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    stream: Option<Wire>,
    correlation_id: i32,
}

/// Bytes, encrypted or not.
enum Wire {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(bytes),
            Wire::Encrypted(stream) => stream.read(bytes),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.write(bytes),
            Wire::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.flush(),
            Wire::Encrypted(stream) => stream.flush(),
        }
    }
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the broker accepts");
    stream.set_nodelay(true).expect("a socket option");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    stream
}

/// A stream whose handshake is still to come.
pub fn encrypt(stream: TcpStream, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").expect("a name");
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).expect("a client"), stream)
}

/// Nothing came in time, as opposed to an end.
pub fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl Connection {
    pub fn new(port: u16) -> Connection {
        Connection { port, tls: None, stream: None, correlation_id: 0 }
    }

    /// A connection by TLS, at which the broker has to agree to the handshake.
    pub fn encrypted(port: u16, tls: &Arc<ClientConfig>) -> Connection {
        Connection { tls: Some(Arc::clone(tls)), ..Connection::new(port) }
    }

    /// Sends `frame` and waits for what comes.
    pub fn exchange(&mut self, frame: &[u8]) -> Reply {
        self.send(frame);
        self.receive()
    }

    /// The same where the broker may have closed the connection already; no new one is opened then.
    pub fn try_exchange(&mut self, frame: &[u8]) -> Reply {
        if let Some(stream) = &mut self.stream {
            if stream.write_all(frame).and_then(|()| stream.flush()).is_err() {
                return Reply::Closed;
            }
        } else {
            self.send(frame);
        }
        self.receive()
    }

    pub fn send(&mut self, frame: &[u8]) {
        let (port, tls) = (self.port, &self.tls);
        let stream = self.stream.get_or_insert_with(|| match tls {
            None => Wire::Plain(connect(port)),
            Some(tls) => Wire::Encrypted(Box::new(encrypt(connect(port), tls))),
        });
        stream.write_all(frame).and_then(|()| stream.flush()).expect("the broker reads");
    }

    pub fn receive(&mut self) -> Reply {
        let stream = self.stream.as_mut().expect("something was sent");
        let mut length = [0; LENGTH_SIZE];
        if let Err(error) = stream.read_exact(&mut length) {
            self.stream = None;
            return if is_late(&error) { Reply::Silence } else { Reply::Closed };
        }
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame).expect("the whole answer");
        Reply::Frame(frame.into())
    }

    /// Asks for what has to be answered.
    pub fn ask<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        self.start(request, version);
        self.finish::<R>(version)
    }

    /// Sends a request whose answer is fetched with [`Connection::finish`].
    pub fn start<R: Request>(&mut self, request: &R, version: i16) {
        self.correlation_id += 1;
        let frame = request_frame(request, version, self.correlation_id, Some("compare"));
        self.send(&frame.unwrap_or_else(|error| panic!("{:?} version {version}: {error}", R::KEY)).concat());
    }

    pub fn finish<R: Request>(&mut self, version: i16) -> R::Response {
        let reply = self.receive();
        let Reply::Frame(frame) = reply else { panic!("{:?} at port {}: {reply:?}", R::KEY, self.port) };
        let (_, body) = decode_response_header(&frame, R::KEY, version).expect("a response header");
        R::Response::decode(&body, version).unwrap_or_else(|error| panic!("{:?} {version}: {error}", R::KEY))
    }
}
