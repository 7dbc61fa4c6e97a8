//! Bytes that are no request: the connection that sent them ends, and nobody else notices.

use std::time::Duration;

use kafkaesque::protocol::messages::{metadata, produce};

use crate::Running;

#[tokio::test]
async fn malformed_frames_end_their_connection_alone() {
    let running = Running::start().await;
    let mut bystander = running.client().await;
    bystander.ask(&metadata::Request::default(), 12).await;
    let metadata_with_giant_array =
        [&[0, 3, 0, 1, 0, 0, 0, 1, 0, 0][..], &i32::MAX.to_be_bytes()[..]].concat();
    let framed = |body: &[u8]| [&(body.len() as i32).to_be_bytes()[..], body].concat();
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
async fn bytes_behind_a_request_are_malformed() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let body = [0, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 42];
    client.raw(&(body.len() as i32).to_be_bytes()).await;
    client.raw(&body).await;
    assert!(client.frame().await.is_none());
    running.stop().await;
}

#[tokio::test]
async fn a_failed_produce_without_acks_closes_the_connection() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let partition = produce::PartitionProduceData::default();
    let topic = produce::TopicProduceData {
        name: "absent".to_owned(),
        partition_data: vec![partition],
        ..produce::TopicProduceData::default()
    };
    let request = produce::Request { acks: 0, topic_data: vec![topic], ..produce::Request::default() };
    client.send(&request, 9).await;
    assert!(client.frame().await.is_none());
    let mut client = running.client().await;
    client.send(&produce::Request { acks: 0, ..produce::Request::default() }, 9).await;
    assert!(client.hears_nothing_for(Duration::from_millis(200)).await, "acks=0 has no answer");
    running.stop().await;
}
