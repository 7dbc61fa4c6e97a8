//! Listeners with TLS: real sockets, real time.

use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

use super::*;
use crate::net::{Listener, PerAddress, Server, StrangerLimits};
use crate::tls::tests::support::{Authority, connect, for_clients};
use crate::tls::{Acceptor, CertificateDer, ClientAuth, Files};

/// Answers a number with so many bytes. Certificates of clients are remembered.
#[derive(Default)]
struct Numbers {
    certificates: Mutex<Vec<(bool, Option<CertificateDer<'static>>)>>,
    demands_login: bool,
}

impl Service for Numbers {
    type Connection = bool;

    fn connected(&self, peer: &Peer, _: Closer) -> bool {
        self.certificates.lock().push((peer.is_encrypted, peer.certificate.clone()));
        self.demands_login
    }

    fn is_stranger(&self, is_stranger: &bool) -> bool {
        *is_stranger
    }

    fn classify(&self, _: &bool, _: &Bytes) -> Admission {
        Admission::Pipelined
    }

    async fn admit(&self, is_stranger: &mut bool, frame: Frame) -> Promise {
        let text = std::str::from_utf8(&frame.bytes).expect("a text");
        *is_stranger &= text != "0";
        let bytes = text.parse().expect("a number");
        Answer::frame(vec![Bytes::from(vec![b'x'; bytes])]).into()
    }
}

struct Running {
    runtime: Runtime,
    service: Arc<Numbers>,
    authority: Authority,
    address: SocketAddr,
}

impl Running {
    fn start(limits: Limits, client_auth: Option<ClientAuth>, demands_login: bool) -> Running {
        let (runtime, authority) = (Runtime::system(), Authority::new());
        let tls = client_auth.map(|client_auth| {
            Acceptor::open("TEST", Files { client_auth, ..authority.server() }, &runtime).expect("opens")
        });
        let socket = small_socket();
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("binds");
        let socket = socket.listen(1024).expect("listens");
        let address = socket.local_addr().expect("has an address");
        let service = Arc::new(Numbers { demands_login, ..Numbers::default() });
        let server = Server::new(Arc::clone(&service), limits, &runtime);
        let listener = Listener { socket, name: "TEST".into(), tls, max_connections: Some(50) };
        runtime.tasks.spawn(TaskKind::Listener, async move { server.serve(listener).await });
        Running { runtime, service, authority, address }
    }

    async fn raw(&self) -> TcpStream {
        small_socket().connect(self.address).await.expect("connects")
    }

    async fn client(&self) -> TlsStream<TcpStream> {
        let connector = self.authority.client(None, &self.runtime);
        connect(&connector, self.raw().await).await.expect("is encrypted")
    }

    fn metric(&self, name: &str, value: &str) -> f64 {
        let families = self.runtime.metrics.gather();
        let Some(family) = families.iter().find(|family| family.name() == name) else { return 0.0 };
        let is_meant = |metric: &&prometheus::proto::Metric| {
            metric.get_label().iter().any(|label| label.value() == value)
        };
        let metrics = family.get_metric().iter().filter(is_meant);
        metrics.map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value()).sum()
    }

    async fn until_metric(&self, name: &str, value: &str, expected: f64) {
        let wait = async {
            while (self.metric(name, value) - expected).abs() > 0.1 {
                self.runtime.clock.sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = self.runtime.clock.timeout(Duration::from_secs(10), wait).await;
        assert!(waited.is_ok(), "{name} of {value} is {}", self.metric(name, value));
    }
}

/// A socket whose buffers hold a few KiB.
fn small_socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_send_buffer_size(4096).expect("a buffer");
    socket.set_recv_buffer_size(4096).expect("a buffer");
    socket
}

async fn ask<S: AsyncRead + tokio::io::AsyncWrite + Unpin>(
    io: &mut S,
    number: usize,
) -> std::io::Result<String> {
    io.write_all(&frame(number.to_string().as_bytes())).await?;
    io.flush().await?;
    receive(io).await
}

async fn is_closed<S: AsyncRead + Unpin>(io: &mut S) -> bool {
    !matches!(io.read(&mut [0; 64]).await, Ok(1..))
}

fn limits(strangers: StrangerLimits) -> Limits {
    Limits { strangers, ..Limits::default() }
}

/// The last one arrives without another byte from the client.
#[tokio::test]
async fn a_burst_of_requests_is_answered_to_the_last() {
    let running = Running::start(Limits::default(), Some(ClientAuth::None), false);
    let mut client = running.client().await;
    let sizes: Vec<usize> = (0..1000).map(|number| 16_384 - 50 + number % 60).collect();
    let burst: Vec<u8> = sizes.iter().flat_map(|size| frame(size.to_string().as_bytes())).collect();
    client.write_all(&burst).await.expect("is sent");
    client.flush().await.expect("leaves");
    for size in sizes {
        let received = running.runtime.clock.timeout(Duration::from_secs(10), receive(&mut client)).await;
        assert_eq!(received.expect("in time").expect("arrives").len(), size);
    }
    assert_eq!(running.metric("kafkaesque_tls_handshakes_total", "ok"), 1.0);
    assert!(*running.service.certificates.lock() == [(true, None)]);
}

#[tokio::test]
async fn the_service_is_told_of_certificates() {
    let running = Running::start(Limits::default(), Some(ClientAuth::Required), false);
    let pair = running.authority.pair("alice", for_clients);
    let connector = running.authority.client(Some(&pair), &running.runtime);
    let mut client = connect(&connector, running.raw().await).await.expect("is encrypted");
    assert_eq!(ask(&mut client, 3).await.expect("answers"), "xxx");
    let expected = crate::tls::certificates(pair.certificate.as_bytes()).expect("one").remove(0);
    assert!(*running.service.certificates.lock() == [(true, Some(expected))]);
    let mut without = running.client().await;
    let error = without.read_u8().await.expect_err("is refused").to_string();
    assert!(error.contains("CertificateRequired"), "{error}");
    running.until_metric("kafkaesque_tls_handshakes_total", "failed", 1.0).await;
}

#[tokio::test]
async fn a_handshake_has_its_own_deadlines() {
    let strangers = StrangerLimits {
        first_byte: Duration::from_millis(100),
        handshake: Duration::from_millis(400),
        ..StrangerLimits::default()
    };
    let running = Running::start(limits(strangers), Some(ClientAuth::None), false);
    let mut silent = running.raw().await;
    assert!(is_closed(&mut silent).await);
    running.until_metric("kafkaesque_strangers_dropped_total", "silent", 1.0).await;
    let mut slow = running.raw().await;
    slow.write_all(&[0x16, 3, 1, 0, 200]).await.expect("is sent");
    assert!(is_closed(&mut slow).await);
    running.until_metric("kafkaesque_strangers_dropped_total", "slow_handshake", 1.0).await;
    // Once it is done there is time.
    let mut client = running.client().await;
    running.runtime.clock.sleep(Duration::from_millis(600)).await;
    assert_eq!(ask(&mut client, 1).await.expect("answers"), "x");
}

/// Many that stop within it keep nobody else from being computed.
#[tokio::test]
async fn handshakes_that_stand_still_hold_up_no_other() {
    let running = Running::start(Limits::default(), Some(ClientAuth::None), false);
    let mut standing = Vec::new();
    for _ in 0..30 {
        let mut stream = running.raw().await;
        stream.write_all(&[0x16, 3, 1, 0, 200]).await.expect("is sent");
        standing.push(stream);
    }
    let client = running.runtime.clock.timeout(Duration::from_secs(5), running.client()).await;
    assert_eq!(ask(&mut client.expect("in time"), 1).await.expect("answers"), "x");
}

#[tokio::test]
async fn who_speaks_without_tls_or_with_it_at_the_wrong_port_is_closed_at_once() {
    let running = Running::start(Limits::default(), Some(ClientAuth::None), false);
    for words in [&frame(b"1")[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut plain = running.raw().await;
        plain.write_all(words).await.expect("is sent");
        assert!(is_closed(&mut plain).await);
    }
    running.until_metric("kafkaesque_strangers_dropped_total", "protocol", 2.0).await;
    let running = Running::start(Limits::default(), None, false);
    let connector = running.authority.client(None, &running.runtime);
    assert!(connect(&connector, running.raw().await).await.is_err());
    running.until_metric("kafkaesque_connections_closed_total", "malformed", 1.0).await;
}

#[tokio::test]
async fn the_oldest_stranger_makes_room_and_who_is_known_stays() {
    let strangers = StrangerLimits { max_connections: 3, ..StrangerLimits::default() };
    for client_auth in [None, Some(ClientAuth::None)] {
        let running = Running::start(limits(strangers), client_auth, true);
        let mut known: Vec<Box<dyn Both>> = Vec::new();
        for _ in 0..5 {
            let mut client: Box<dyn Both> = match client_auth {
                None => Box::new(running.raw().await),
                Some(_) => Box::new(running.client().await),
            };
            assert_eq!(ask(&mut client, 0).await.expect("answers"), "");
            known.push(client);
        }
        let mut strangers = Vec::new();
        for _ in 0..4 {
            strangers.push(running.raw().await);
        }
        assert!(is_closed(&mut strangers[0]).await, "the oldest went");
        running.until_metric("kafkaesque_strangers_dropped_total", "room", 1.0).await;
        for client in &mut known {
            assert_eq!(ask(client, 2).await.expect("answers"), "xx");
        }
    }
}

/// Both directions of a connection.
trait Both: AsyncRead + tokio::io::AsyncWrite + Unpin {}

impl<S: AsyncRead + tokio::io::AsyncWrite + Unpin> Both for S {}

#[tokio::test]
async fn a_listener_and_an_address_have_their_number_of_connections() {
    let per_address =
        PerAddress { most: Some(1), overrides: vec![("127.0.0.0/8".parse().expect("a network"), 2)] };
    let of_address = Running::start(Limits { per_address, ..Limits::default() }, None, false);
    let of_listener = Running::start(Limits::default(), None, false);
    for (running, most) in [(of_address, 2), (of_listener, 50)] {
        let mut clients = Vec::new();
        for _ in 0..most {
            let mut client = running.raw().await;
            assert_eq!(ask(&mut client, 1).await.expect("answers"), "x");
            clients.push(client);
        }
        assert!(is_closed(&mut running.raw().await).await);
        assert_eq!(running.metric("kafkaesque_connections_open", "TEST") as usize, most);
        assert_eq!(running.metric("kafkaesque_connections_closed_total", "too_many"), 1.0);
        clients.pop();
        running.until_metric("kafkaesque_connections_open", "TEST", most as f64 - 1.0).await;
        assert_eq!(ask(&mut running.raw().await, 1).await.expect("answers"), "x");
    }
}

/// As Kafka clients do it: the socket is closed, and that is all.
#[tokio::test]
async fn a_client_that_leaves_without_a_word_has_left() {
    let running = Running::start(Limits::default(), Some(ClientAuth::None), false);
    let mut client = running.client().await;
    assert_eq!(ask(&mut client, 1).await.expect("answers"), "x");
    drop(client);
    running.until_metric("kafkaesque_connections_closed_total", "peer", 1.0).await;
}

#[tokio::test]
async fn who_is_cut_off_is_told_that_it_is_the_end() {
    let strangers = StrangerLimits { max_connections: 1, ..StrangerLimits::default() };
    let running = Running::start(limits(strangers), Some(ClientAuth::None), true);
    let mut first = running.client().await;
    assert_eq!(ask(&mut first, 1).await.expect("answers"), "x");
    let _second = running.raw().await;
    // Without a word of the broker's own it would be an error.
    assert_eq!(first.read(&mut [0; 64]).await.expect("an end"), 0);
}

/// The beginning of a first message of 60 KiB, in records as long as they may be.
fn long_hello() -> Vec<u8> {
    let message = [&[1, 0, 0xff, 0xf0][..], &vec![0; 60 * 1024]].concat();
    let record = |part: &[u8]| [&[0x16, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    message.chunks(16 * 1024).flat_map(record).collect()
}

#[tokio::test]
async fn long_handshakes_share_the_memory_of_strangers() {
    let strangers = StrangerLimits { memory_bytes: 64 * 1024, ..StrangerLimits::default() };
    let running = Running::start(limits(strangers), Some(ClientAuth::None), false);
    let mut all = Vec::new();
    for _ in 0..3 {
        let mut stream = running.raw().await;
        let _ = stream.write_all(&long_hello()).await;
        all.push(stream);
    }
    running.until_metric("kafkaesque_strangers_dropped_total", "memory", 2.0).await;
    assert_eq!(ask(&mut running.client().await, 1).await.expect("answers"), "x");
    // Once they have gone, there is room again.
    drop(all);
    running.until_metric("kafkaesque_connections_open", "TEST", 0.0).await;
    let mut stream = running.raw().await;
    stream.write_all(&long_hello()).await.expect("is taken");
}

#[tokio::test]
async fn a_stranger_that_floods_is_not_listened_to() {
    let running = Running::start(Limits::default(), None, true);
    let mut stream = running.raw().await;
    let flood = [&i32::MAX.to_be_bytes()[..], &vec![0; 32 * 1024 * 1024]].concat();
    assert!(stream.write_all(&flood).await.is_err(), "its bytes are not even thrown away");
}

/// Many more than there is room for, each of which begins a handshake and says no more.
#[tokio::test]
async fn a_flood_of_strangers_keeps_nobody_out() {
    let strangers = StrangerLimits { max_connections: 20, ..StrangerLimits::default() };
    let running = Running::start(limits(strangers), Some(ClientAuth::None), false);
    let mut known = running.client().await;
    let mut flood = Vec::new();
    for number in 0..600 {
        let mut stream = running.raw().await;
        // It may be gone already.
        let _ = stream.write_all(&[0x16, 3, 1, 0, 200]).await;
        flood.push(stream);
        if number % 100 == 99 {
            let asked = running.runtime.clock.timeout(Duration::from_secs(2), ask(&mut known, 3)).await;
            assert_eq!(asked.expect("in time").expect("answers"), "xxx");
            let late = running.runtime.clock.timeout(Duration::from_secs(2), running.client()).await;
            assert_eq!(ask(&mut late.expect("in time"), 1).await.expect("answers"), "x");
        }
    }
    let open = running.metric("kafkaesque_connections_open", "TEST");
    assert!(open <= 30.0, "{open} are open");
    assert!(running.metric("kafkaesque_strangers_dropped_total", "room") >= 550.0);
}
