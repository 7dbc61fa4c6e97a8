use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::process::{Process, cpu_seconds, start_seconds};
use super::*;
use crate::runtime::{Runtime, Shutdown, TaskKind};
use crate::tls::Acceptor;
use crate::tls::tests::support::{Authority, connect};

struct Port {
    address: std::net::SocketAddr,
    readiness: Readiness,
    runtime: Runtime,
    stop: Shutdown,
    looks: Arc<AtomicU32>,
}

impl Port {
    async fn open(token: Option<&str>) -> Port {
        Port::start(token, Runtime::system(), None).await
    }

    async fn start(token: Option<&str>, runtime: Runtime, tls: Option<Acceptor>) -> Port {
        register_process_metrics(&runtime.metrics).expect("registers");
        let readiness = Readiness::starting("the object store");
        let summary: Summary = Arc::new(|| {
            Map::from_iter([("broker_id".to_owned(), json!(7)), ("connect".to_owned(), json!("<here>:9092"))])
        });
        register_readiness_metrics(&runtime.metrics, readiness.clone(), runtime.tasks.clone())
            .expect("registers");
        let looks = Arc::new(AtomicU32::new(0));
        let looked = Arc::clone(&looks);
        let look: Look = Arc::new(move || {
            looked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async {})
        });
        let http = Http::new(readiness.clone(), summary, look, token, &runtime);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        let stop = Shutdown::new();
        let serving = stop.clone();
        runtime.tasks.spawn(TaskKind::Http, async move {
            http.serve(listener, tls, serving).await.expect("serves");
        });
        Port { address, readiness, runtime, stop, looks }
    }

    /// Status and body.
    async fn get(&self, path: &str, authorization: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("connects");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}\r\n");
        stream.write_all(request.as_bytes()).await.expect("is sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("is read");
        let status = response.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body = response.split_once("\r\n\r\n").expect("a body").1.to_owned();
        (status, body)
    }

    async fn json(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.get(path, "").await;
        (status, serde_json::from_str(&body).expect("JSON"))
    }
}

#[tokio::test]
async fn readiness_follows_the_phase() {
    let port = Port::open(None).await;
    let expected = json!({ "status": "starting", "reason": "the object store", "unable": {} });
    assert_eq!(port.json("/ready").await, (503, expected));
    assert_eq!(port.json("/live").await.0, 200);
    port.readiness.set(Phase::Ready);
    assert_eq!(port.json("/ready").await, (200, json!({ "status": "ready", "reason": null, "unable": {} })));
    port.readiness.set(Phase::Stopping("asked to".to_owned()));
    let expected = json!({ "status": "stopping", "reason": "asked to", "unable": {} });
    assert_eq!(port.json("/ready").await, (503, expected));
    assert_eq!(port.json("/live").await.0, 200);
}

#[tokio::test]
async fn ready_is_that_some_shard_can_serve() {
    let port = Port::open(None).await;
    let states = Arc::new(parking_lot::Mutex::new([None, None]));
    let shown = Arc::clone(&states);
    port.readiness.set_shards(Box::new(move || {
        let shard = |(number, unable): (usize, Option<&str>)| ShardState {
            name: format!("shard {number}"),
            unable: unable.map(str::to_owned),
        };
        shown.lock().into_iter().enumerate().map(shard).collect()
    }));
    assert_eq!(port.json("/ready").await.0, 503, "it starts");
    port.readiness.set(Phase::Ready);
    assert_eq!(port.json("/ready").await, (200, json!({ "status": "ready", "reason": null, "unable": {} })));
    *states.lock() = [None, Some("no space")];
    let expected = json!({ "status": "ready", "reason": null, "unable": { "shard 1": "no space" } });
    assert_eq!(port.json("/ready").await, (200, expected));
    let (_, metrics) = port.get("/metrics", "").await;
    assert!(metrics.contains("\nkafkaesque_ready 1\n"), "{metrics}");
    assert!(metrics.contains("\nkafkaesque_shards_unable 1\n"), "{metrics}");
    *states.lock() = [Some("no answer"), Some("no space")];
    let (status, ready) = port.json("/ready").await;
    assert_eq!((status, &ready["status"]), (503, &json!("unable")));
    assert_eq!(ready["unable"], json!({ "shard 0": "no answer", "shard 1": "no space" }));
    let (status, health) = port.json("/health").await;
    assert_eq!((status, &health["unable"], &health["reason"]), (503, &ready["unable"], &ready["reason"]));
    assert_eq!(port.json("/live").await.0, 200, "nothing is gained by ending the process");
    *states.lock() = [None, None];
    assert_eq!(port.json("/ready").await.0, 200);
}

#[tokio::test]
async fn a_failed_task_ends_liveness() {
    let port = Port::open(None).await;
    port.readiness.set(Phase::Ready);
    port.runtime.tasks.fail("the log is gone".to_owned());
    assert_eq!(port.json("/live").await, (503, json!({ "status": "failed", "reason": "the log is gone" })));
    assert_eq!(port.json("/ready").await.0, 503);
    assert_eq!(port.json("/health").await.1["reason"], "the log is gone");
}

#[tokio::test]
async fn health_is_a_summary() {
    let port = Port::open(None).await;
    port.readiness.set(Phase::Ready);
    let (status, body) = port.json("/health").await;
    assert_eq!(status, 200);
    assert_eq!((&body["broker_id"], &body["status"]), (&json!(7), &json!("ready")));
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn the_first_page_says_the_state_where_to_connect_and_where_the_rest_is() {
    let port = Port::open(None).await;
    let (status, page) = port.get("/", "").await;
    assert_eq!(status, 200);
    assert!(page.contains("Kafkaesque is starting") && page.contains("<p>the object store</p>"), "{page}");
    port.readiness.set(Phase::Ready);
    let (_, page) = port.get("/", "").await;
    assert!(page.contains("Kafkaesque is ready"), "{page}");
    assert!(page.contains("&lt;here&gt;:9092") && !page.contains("<here>"), "{page}");
    assert!(page.contains("<tr><th>broker id</th><td>7</td></tr>"), "{page}");
    for path in ["/health", "/live", "/ready", "/metrics"] {
        assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
        assert_eq!(port.get(path, "").await.0, 200);
    }
}

#[tokio::test]
async fn a_probe_hears_whether_the_broker_lives() {
    let port = Port::open(None).await;
    let at = port.address.port();
    let ask_for = |question| {
        tokio::task::spawn_blocking(move || probe(question, "0.0.0.0", Some(at), false))
            .map(|done| done.expect("no panic"))
    };
    let ask = || ask_for(Question::IsLive);
    assert_eq!(ask().await.expect("is live"), r#"{"status":"live"}"#);
    let error = ask_for(Question::IsReady).await.expect_err("is starting").to_string();
    assert!(error.contains("the object store"), "{error}");
    port.readiness.set(Phase::Ready);
    assert!(ask_for(Question::IsReady).await.expect("is ready").contains("ready"));
    port.runtime.tasks.fail("the log is gone".to_owned());
    let error = ask().await.expect_err("is not live").to_string();
    assert!(error.contains("the log is gone"), "{error}");
    port.stop.request();
    assert!(port.runtime.tasks.join(std::time::Duration::from_secs(5)).await);
    let error = ask().await.expect_err("nobody is there").to_string();
    assert!(error.contains(&format!("no answer from 0.0.0.0:{at}")), "{error}");
    let error = probe(Question::IsLive, "127.0.0.1", None, false).expect_err("there is no port").to_string();
    assert!(error.contains("HEALTH_PORT"), "{error}");
}

#[tokio::test]
async fn metrics_say_what_runs_and_whether_it_is_ready() {
    let port = Port::open(None).await;
    let value = |text: &str, name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().parse().expect("a number")
    };
    let (_, text) = port.get("/metrics", "").await;
    assert_eq!(value(&text, "kafkaesque_ready "), 0.0);
    let build = text.lines().find(|line| line.starts_with("kafkaesque_build_info{")).expect("build info");
    assert!(
        build.contains(&format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))) && build.ends_with(" 1"),
        "{build}"
    );
    let now = port.runtime.clock.now_ms() as f64 / 1000.0;
    let age = now - value(&text, "process_start_time_seconds ");
    assert!((-2.0..3600.0).contains(&age), "{age}");
    port.readiness.set(Phase::Ready);
    let (_, text) = port.get("/metrics", "").await;
    assert_eq!(value(&text, "kafkaesque_ready "), 1.0);
    assert_eq!(port.looks.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn metrics_are_text_and_include_the_process() {
    let port = Port::open(None).await;
    let (status, body) = port.get("/metrics", "").await;
    assert_eq!(status, 200);
    let resident = body.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    let resident: f64 = resident.expect("a line").parse().expect("a number");
    assert!(resident > 1_000_000.0, "{resident}");
    assert!(body.contains("process_cpu_seconds_total"));
}

#[tokio::test]
async fn metrics_can_ask_for_a_token() {
    let port = Port::open(Some("secret")).await;
    for wrong in [
        "",
        "Authorization: Bearer secre\r\n",
        "Authorization: Bearer secret2\r\n",
        "Authorization: secret\r\n",
    ] {
        assert_eq!(port.get("/metrics", wrong).await.0, 401, "{wrong:?}");
    }
    assert_eq!(port.get("/metrics", "Authorization: Bearer secret\r\n").await.0, 200);
    assert_eq!(port.get("/live", "").await.0, 200);
}

/// Twice as many as there is room for, half of them with the beginning of a request.
#[tokio::test]
async fn probes_are_answered_within_a_second_whatever_strangers_do() {
    let port = Port::open(None).await;
    port.readiness.set(Phase::Ready);
    let mut strangers = Vec::new();
    for n in 0..2 * listener::MAX_CONNECTIONS + 1 {
        let mut stranger = TcpStream::connect(port.address).await.expect("connects");
        if n % 2 == 0 {
            stranger.write_all(b"GET /live HT").await.expect("is sent");
        }
        strangers.push(stranger);
        if n % 16 == 0 {
            for path in ["/live", "/ready"] {
                let asked = port.runtime.clock.timeout(Duration::from_secs(1), port.get(path, "")).await;
                assert_eq!(asked.expect("in time").0, 200, "{path} after {n} strangers");
            }
        }
    }
    let oldest = strangers.iter_mut().take(10);
    let closed = oldest.map(|stranger| async move { stranger.read(&mut [0; 1024]).await });
    let closed = port.runtime.clock.timeout(Duration::from_secs(5), join_all(closed)).await;
    assert!(closed.is_ok(), "the oldest had to make room");
}

#[tokio::test]
async fn with_a_certificate_the_port_is_encrypted() {
    let (runtime, authority) = (Runtime::system(), Authority::new());
    let tls = Acceptor::open("HTTP", authority.server(), &runtime).expect("opens");
    let port = Port::start(None, runtime, Some(tls)).await;
    // Handshakes that stand still, and clients without TLS, are nobody else's trouble.
    let mut standing = TcpStream::connect(port.address).await.expect("connects");
    standing.write_all(&[0x16, 3, 1, 0, 200]).await.expect("is sent");
    let mut plain = TcpStream::connect(port.address).await.expect("connects");
    plain.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("is sent");
    let mut refusal = Vec::new();
    let _ = plain.read_to_end(&mut refusal).await;
    assert!(!refusal.starts_with(b"HTTP"), "{refusal:?}");

    let stream = TcpStream::connect(port.address).await.expect("connects");
    let mut stream = connect(&authority.client(None, &port.runtime), stream).await.expect("is encrypted");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .expect("is sent");
    stream.flush().await.expect("leaves");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("ends as it should");
    assert!(response.starts_with("HTTP/1.1 200") && response.contains("days_left"), "{response}");

    let at = port.address.port();
    let asked = tokio::task::spawn_blocking(move || {
        let ask = |is_encrypted| probe(Question::IsLive, "127.0.0.1", Some(at), is_encrypted);
        (ask(true), ask(false))
    });
    let (encrypted, plain) = asked.await.expect("asks");
    assert!(encrypted.expect("lives").contains("live"));
    assert!(plain.is_err());
}

#[tokio::test]
async fn it_stops_when_told_to() {
    let port = Port::open(None).await;
    assert_eq!(port.get("/live", "").await.0, 200);
    port.stop.request();
    assert!(port.runtime.tasks.join(std::time::Duration::from_secs(5)).await);
    assert!(TcpStream::connect(port.address).await.is_err());
}

#[test]
fn processor_time_is_read_past_a_name_with_spaces() {
    let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1000 200";
    assert_eq!(cpu_seconds(stat), Some(3.0));
    assert_eq!(cpu_seconds("42 (cut"), None);
    assert_eq!(start_seconds(stat, "cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_001.0));
    let process = Process::read().expect("there is a /proc");
    assert!(process.threads >= 1 && process.open_files >= 3 && process.max_files >= process.open_files);
}

#[test]
fn libraries_are_quiet_unless_named() {
    let shown = |filter: &str| super::tracing::parse(filter).expect("is valid").to_string();
    assert!(shown("info").contains("slatedb=warn"));
    assert!(shown("info").contains("object_store=warn"), "it tells of each try of each request");
    let named = shown("info,slatedb=debug");
    assert!(named.contains("slatedb=debug") && !named.contains("slatedb=warn"), "{named}");
    let error = super::tracing::parse("no such level=x").expect_err("is not valid").to_string();
    assert!(error.contains("no such level"), "{error}");
}

#[test]
fn an_unknown_level_or_module_is_refused_by_name() {
    for (filter, named) in [
        ("verbose", "'verbose'"),
        ("info,verbose", "'verbose'"),
        ("kafkaesque=loud", "'loud'"),
        ("info,kafkaesque::logs=debug", "'kafkaesque::logs'"),
        ("kafkaesk=debug", "'kafkaesk'"),
        ("INFO;kafkaesque=debug", "'INFO;kafkaesque'"),
    ] {
        let refused = check_filter(filter).expect_err(filter);
        assert!(refused.contains(named), "{filter}: {refused}");
    }
    for filter in [
        "info",
        "WARN",
        "off",
        "",
        "info,kafkaesque::log=debug",
        "kafkaesque=trace,slatedb=info",
        "kafkaesque",
    ] {
        assert_eq!(check_filter(filter), Ok(()), "{filter}");
    }
    let crate_root = include_str!("../lib.rs");
    for module in crate_root.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert_eq!(check_filter(&format!("kafkaesque::{module}=debug")), Ok(()), "{module}");
    }
}
