//! Bytes that are no request: the connection that sent them ends, and nobody else notices.

use std::time::Duration;

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::codec::Request;
use kafkaesque::protocol::header::{LENGTH_SIZE, request_frame};
use kafkaesque::protocol::messages::{fetch, join_group, metadata, produce as produce_message};

use crate::Running;
use crate::admin::{create, topic};
use crate::client::Client;
use crate::produce_fetch::{batch, bytes, fetch_request, produce, produce_request, read_all};

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as i32).to_be_bytes()[..], body].concat()
}

#[tokio::test]
async fn malformed_frames_end_their_connection_alone() {
    let running = Running::start().await;
    let mut bystander = running.client().await;
    bystander.ask(&metadata::Request::default(), 12).await;
    let metadata_with_giant_array =
        [&[0, 3, 0, 1, 0, 0, 0, 1, 0, 0][..], &i32::MAX.to_be_bytes()[..]].concat();
    let frames: Vec<Vec<u8>> = vec![
        (-1i32).to_be_bytes().to_vec(),
        i32::MAX.to_be_bytes().to_vec(),
        framed(&[]),
        framed(&[0]),
        framed(&[0, 3, 0, 1, 0, 0]),
        framed(&metadata_with_giant_array),
        framed(&[0xff; 64]).into_iter().chain(framed(&[0, 3, 0, 12, 9, 9, 9])).collect(),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
    ];
    for frame in frames {
        let mut client = running.client().await;
        client.raw(&frame).await;
        while client.frame().await.is_some() {}
        bystander.ask(&metadata::Request::default(), 12).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn bytes_behind_a_request_are_ignored() {
    let running = Running::start().await;
    let mut client = running.client().await;
    client.ask(&metadata::Request::default(), 12).await;
    for (surplus, id) in [1, 3, 300].into_iter().zip(1..) {
        let all_topics = [&[0, 3, 0, 13, 0, 0, 0, id, 0, 0, 0, 0, 1, 0, 0][..], &vec![42; surplus]].concat();
        client.raw(&framed(&all_topics)).await;
        let (answered, _) = client.receive::<metadata::Request>(13).await;
        assert_eq!(answered, i32::from(id));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_client_id_that_is_not_utf8_is_read_as_java_reads_it() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let joining =
        [&[0, 11, 0, 4, 0, 0, 0, 7, 0, 4][..], b"caf\xe9\0\x01g\0\0\x75\x30\0\0\x75\x30\0\0\0\x01c"];
    client.raw(&framed(&[&joining.concat()[..], b"\0\0\0\x01\0\x01r\0\0\0\0"].concat())).await;
    let (_, answer) = client.receive::<join_group::Request>(4).await;
    assert_eq!(answer.error_code, ErrorCode::MemberIdRequired.code());
    assert!(answer.member_id.starts_with("caf\u{fffd}-"), "{answer:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_produce_is_answered_though_its_client_sends_no_more() {
    let running = Running::with(&[("STORE_FAULTS", "latency=50ms")]).await;
    let mut client = running.client().await;
    assert_eq!(create(&mut client, vec![topic("half-closed", 1, 1)]).await[0].error_code, 0);
    client.send(&produce_request("half-closed", bytes(batch(&["a record"])), -1), 9).await;
    client.send_no_more().await;
    let (_, answer) = client.receive::<produce_message::Request>(9).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    assert!(client.frame().await.is_none(), "the connection ends then");
    running.stop().await;
}

#[tokio::test]
async fn a_failed_produce_without_acks_closes_the_connection() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let partition = produce_message::PartitionProduceData::default();
    let topic = produce_message::TopicProduceData {
        name: "absent".to_owned(),
        partition_data: vec![partition],
        ..produce_message::TopicProduceData::default()
    };
    let request =
        produce_message::Request { acks: 0, topic_data: vec![topic], ..produce_message::Request::default() };
    client.send(&request, 9).await;
    assert!(client.frame().await.is_none());
    let mut client = running.client().await;
    client.send(&produce_message::Request { acks: 0, ..produce_message::Request::default() }, 9).await;
    assert!(client.hears_nothing_for(Duration::from_millis(200)).await, "acks=0 has no answer");
    running.stop().await;
}

/// A frame with `surplus` bytes behind the request.
pub fn with_surplus<R: Request>(request: &R, version: i16, surplus: usize) -> Vec<u8> {
    let frame = request_frame(request, version, 1, None).expect("a request").concat();
    framed(&[&frame[LENGTH_SIZE..], &vec![0; surplus]].concat())
}

async fn answers_within(client: &mut Client, frame: &[u8], limit: Duration) {
    client.raw(frame).await;
    let answer = tokio::time::timeout(limit, client.frame()).await.expect("in time");
    assert!(answer.is_some(), "an answer, not the end of the connection");
}

const TIGHT: &[(&str, &str)] = &[("REQUEST_MEMORY_BYTES", "12MiB"), ("MAX_REQUEST_SIZE", "8MiB")];

/// Fetches that wait for ever hold nothing of their frames: twice as many bytes as there is memory for.
#[tokio::test]
async fn requests_that_wait_have_given_their_bytes_back() {
    let running = Running::with(TIGHT).await;
    let mut client = running.client().await;
    assert_eq!(create(&mut client, vec![topic("t", 1, 1)]).await[0].error_code, 0);
    let waiting = fetch::Request { max_wait_ms: i32::MAX, ..fetch_request("t", 0) };
    let mut strangers = Vec::new();
    for _ in 0..12 {
        let mut stranger = running.client().await;
        stranger.raw(&with_surplus(&waiting, 11, 2 << 20)).await;
        strangers.push(stranger);
    }
    let large = with_surplus(&metadata::Request::default(), 12, 6 << 20);
    answers_within(&mut client, &large, Duration::from_secs(5)).await;
    running.stop().await;
}

/// Four times as many bytes as there is memory for, of frames that stop half way.
#[tokio::test]
async fn frames_that_stop_half_way_keep_nobody_waiting() {
    let running = Running::with(TIGHT).await;
    let mut client = running.client().await;
    assert_eq!(create(&mut client, vec![topic("t", 1, 1)]).await[0].error_code, 0);
    let mut strangers = Vec::new();
    for _ in 0..16 {
        let mut stranger = running.client().await;
        stranger.raw(&(8i32 << 20).to_be_bytes()).await;
        strangers.push(tokio::spawn(async move {
            let _ = stranger.send_raw(&vec![0; 3 << 20]).await;
            stranger
        }));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..20 {
        let record = with_surplus(&produce_request("t", bytes(batch(&["a record"])), -1), 9, 0);
        answers_within(&mut client, &record, Duration::from_secs(1)).await;
    }
    let large = with_surplus(&metadata::Request::default(), 12, 6 << 20);
    answers_within(&mut client, &large, Duration::from_secs(10)).await;
    strangers.iter().for_each(|stranger| stranger.abort());
    running.stop().await;
}

/// Twenty consumers that ask for everything and read nothing, with memory for a part of it.
#[tokio::test]
async fn answers_that_are_not_taken_make_room_for_others() {
    let running = Running::with(&[("RESPONSE_MEMORY_BYTES", "64MiB")]).await;
    let mut client = running.client().await;
    assert_eq!(create(&mut client, vec![topic("t", 1, 1)]).await[0].error_code, 0);
    let value = "v".repeat(1_000_000);
    for _ in 0..40 {
        assert_eq!(produce(&mut client, "t", bytes(batch(&[&value]))).await.error_code, 0);
    }
    let mut everything = fetch_request("t", 0);
    everything.topics[0].partitions[0].partition_max_bytes = 50 << 20;
    let mut strangers = Vec::new();
    for _ in 0..20 {
        let mut stranger = running.client().await;
        stranger.send(&everything, 11).await;
        strangers.push(stranger);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut late = running.client().await;
    let read = tokio::time::timeout(Duration::from_secs(15), read_all(&mut late, "t", 0));
    assert_eq!(read.await.expect("in time").len(), 40);
    running.stop().await;
}
