//! A store that is slow, out, or that hangs, under a running broker: writes are waited for as long as the broker says, not
//! the request, what is in memory is read on, and afterwards everything acknowledged is there.

use std::path::PathBuf;
use std::time::Duration;

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{delete_records, fetch, metadata};

use crate::admin::{create, topic};
use crate::client::Client;
use crate::produce_fetch::{batch, bytes, fetch_request, produce, produce_request, read_all};
use crate::{Running, free_port};

/// A broker whose store fails as the control file says while it is there.
struct Failing {
    running: Running,
    control: PathBuf,
    _folder: tempfile::TempDir,
}

impl Failing {
    /// One that gives a write a second, then calls its outcome unknown.
    async fn start() -> Failing {
        Failing::with(&[("REQUEST_TIMEOUT_MS", "1000")]).await
    }

    /// One that gives a write as long as brokers do.
    async fn patient() -> Failing {
        Failing::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Failing {
        let folder = tempfile::tempdir().expect("a directory");
        let control = folder.path().join("control");
        let faults = format!("control={}", control.display());
        let health_port = free_port().to_string();
        let mut variables = vec![("STORE_FAULTS", &*faults), ("HEALTH_PORT", &*health_port)];
        variables.extend(settings);
        let running = Running::with(&variables).await;
        Failing { running, control, _folder: folder }
    }

    /// The store fails like this until it is healed; nothing is an outage.
    fn fail(&self, how: &str) {
        std::fs::write(&self.control, how).expect("the control file");
    }

    fn heal(&self) {
        std::fs::remove_file(&self.control).expect("the control file");
    }

    async fn until_ready_says(&self, status: u16) {
        let said = async {
            while self.running.look("/ready").await.0 != status {
                self.running.runtime.clock.sleep(Duration::from_millis(100)).await;
            }
        };
        let limit = Duration::from_secs(30);
        self.running.runtime.clock.timeout(limit, said).await.expect("it is seen in time");
    }

    async fn client_with_topic(&self) -> Client {
        let mut client = self.running.client().await;
        create(&mut client, vec![topic("t", 1, 1)]).await;
        client
    }
}

/// What a produce that gives itself `timeout_ms` is answered.
async fn produce_within(client: &mut Client, value: &str, timeout_ms: i32, acks: i16) -> i16 {
    let request = kafkaesque::protocol::messages::produce::Request {
        timeout_ms,
        ..produce_request("t", bytes(batch(&[value])), acks)
    };
    let answer = client.ask(&request, 9).await.responses.remove(0).partition_responses.remove(0);
    answer.error_code
}

async fn values(client: &mut Client) -> Vec<String> {
    read_all(client, "t", 0).await.into_iter().map(|(_, value)| value).collect()
}

/// Until a produce is acknowledged again: no operator does anything.
async fn produce_until_taken(client: &mut Client, value: &str) {
    for _ in 0..20 {
        if produce_within(client, value, 500, -1).await == 0 {
            return;
        }
    }
    panic!("the broker does not recover");
}

#[tokio::test(flavor = "multi_thread")]
async fn produces_time_out_during_an_outage_and_reads_go_on() {
    // The client of a cloud store gives a request up in its own time; here after a second.
    for how in ["", "timeouts=1,timeout=1s"] {
        let broker = Failing::start().await;
        let mut client = broker.client_with_topic().await;
        assert_eq!(produce(&mut client, "t", bytes(batch(&["a"]))).await.base_offset, 0);
        broker.fail(how);
        for acks in [1, -1] {
            let code = produce_within(&mut client, &format!("unknown {acks}"), 200, acks).await;
            assert_eq!(code, i16::from(ErrorCode::RequestTimedOut), "acks {acks}");
        }
        assert_eq!(values(&mut client).await, ["a"], "what is durable and in memory is read on");
        let waiting = fetch::Request { max_wait_ms: 200, ..fetch_request("t", 1) };
        let answer = client.ask(&waiting, 11).await.responses.remove(0).partitions.remove(0);
        assert_eq!((answer.error_code, answer.high_watermark), (0, 1), "nothing that is not durable is seen");
        let everything = metadata::Request { topics: None, ..metadata::Request::default() };
        let topics = client.ask(&everything, 9).await.topics;
        assert_eq!(topics.len(), 1, "metadata needs no store");
        broker.heal();
        produce_until_taken(&mut client, "b").await;
        let found = values(&mut client).await;
        assert_eq!(found.first().map(String::as_str), Some("a"));
        assert!(found.iter().any(|value| value == "b"), "{found:?}");
        broker.running.stop().await;
    }
}

async fn delete_first_record(client: &mut Client, timeout_ms: i32) -> i16 {
    let partition = delete_records::DeleteRecordsPartition { partition_index: 0, offset: 1 };
    let wanted = delete_records::DeleteRecordsTopic { name: "t".to_owned(), partitions: vec![partition] };
    let request = delete_records::Request { topics: vec![wanted], timeout_ms };
    client.ask(&request, 1).await.topics.remove(0).partitions.remove(0).error_code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_is_waited_for_whatever_time_the_request_gives_itself() {
    let broker = Failing::patient().await;
    let mut client = broker.client_with_topic().await;
    broker.fail("latency=150ms");
    let mut expected = Vec::new();
    for (acks, timeout_ms) in [(1, 100), (-1, 100), (1, 0), (-1, -1)] {
        let value = format!("acks {acks} within {timeout_ms} ms");
        assert_eq!(produce_within(&mut client, &value, timeout_ms, acks).await, 0, "{value}");
        expected.push(value);
    }
    broker.heal();
    assert_eq!(values(&mut client).await, expected, "each is stored once");
    broker.fail("latency=150ms");
    assert_eq!(delete_first_record(&mut client, 0).await, 0);
    broker.heal();
    broker.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_and_health_tell_of_an_outage_and_of_its_end() {
    let broker = Failing::start().await;
    let mut client = broker.client_with_topic().await;
    produce(&mut client, "t", bytes(batch(&["a"]))).await;
    assert_eq!(broker.running.look("/ready").await.0, 200);
    broker.fail("");
    produce_within(&mut client, "unknown", 100, -1).await;
    broker.until_ready_says(503).await;
    let (status, health) = broker.running.look("/health").await;
    assert_eq!(status, 503);
    assert!(health.contains("shard 0") && health.contains("the store is out"), "{health}");
    assert_eq!(broker.running.look("/live").await.0, 200);
    broker.heal();
    broker.until_ready_says(200).await;
    broker.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_not_said_to_be_deleted_during_an_outage() {
    let broker = Failing::start().await;
    let mut client = broker.client_with_topic().await;
    produce(&mut client, "t", bytes(batch(&["a"]))).await;
    broker.fail("");
    assert_eq!(delete_first_record(&mut client, 60_000).await, i16::from(ErrorCode::RequestTimedOut));
    broker.heal();
    broker.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_now_and_then_is_not_noticed() {
    let broker = Failing::patient().await;
    let mut client = broker.client_with_topic().await;
    broker.fail("put_errors=0.2,lost_responses=0.2,late_puts=0.1,late_by=300ms,get_errors=0.1");
    let mut expected = Vec::new();
    for number in 0..20 {
        let value = number.to_string();
        assert_eq!(produce(&mut client, "t", bytes(batch(&[&value]))).await.error_code, 0);
        expected.push(value);
    }
    broker.heal();
    assert_eq!(values(&mut client).await, expected);
    broker.running.stop().await;
}
