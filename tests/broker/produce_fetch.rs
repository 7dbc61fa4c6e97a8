//! Records go in, and come back as they were, at the offsets that were acknowledged.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::batch::{Batch, Builder, Codec, Compression, NewRecord};
use kafkaesque::protocol::codec::Records;
use kafkaesque::protocol::messages::{
    delete_records, fetch, init_producer_id, list_offsets, metadata, offset_for_leader_epoch, produce,
};
use uuid::Uuid;

use crate::Running;
use crate::admin::{create, describe, topic};
use crate::client::Client;

pub fn batch(values: &[&str]) -> Builder {
    values.iter().fold(Builder::new(), |builder, value| {
        builder.record(&NewRecord { value: Some(value.as_bytes()), timestamp: 1_000, ..NewRecord::default() })
    })
}

pub fn bytes(builder: Builder) -> Bytes {
    builder.build().expect("a batch").to_bytes()
}

/// Produces to partition 0 and returns its answer.
pub async fn produce(client: &mut Client, topic: &str, records: Bytes) -> produce::PartitionProduceResponse {
    let request = produce_request(topic, records, -1);
    client.ask(&request, 9).await.responses.remove(0).partition_responses.remove(0)
}

pub fn produce_request(topic: &str, records: Bytes, acks: i16) -> produce::Request {
    let partition = produce::PartitionProduceData { index: 0, records: Some(Records::from(records)) };
    let topic = produce::TopicProduceData {
        name: topic.to_owned(),
        partition_data: vec![partition],
        ..produce::TopicProduceData::default()
    };
    produce::Request { acks, timeout_ms: 10_000, topic_data: vec![topic], ..produce::Request::default() }
}

pub fn fetch_request(topic: &str, offset: i64) -> fetch::Request {
    let partition = fetch::FetchPartition {
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..fetch::FetchPartition::default()
    };
    let topic = fetch::FetchTopic {
        topic: topic.to_owned(),
        partitions: vec![partition],
        ..fetch::FetchTopic::default()
    };
    fetch::Request { max_wait_ms: 0, min_bytes: 1, topics: vec![topic], ..fetch::Request::default() }
}

/// Fetches partition 0 from `offset` once.
pub async fn fetch(client: &mut Client, topic: &str, offset: i64) -> fetch::PartitionData {
    client.ask(&fetch_request(topic, offset), 11).await.responses.remove(0).partitions.remove(0)
}

/// Deletes what lies below `offset` of partition 0; gives the error code and the low watermark.
pub async fn delete_to(client: &mut Client, topic: &str, offset: i64) -> (i16, i64) {
    let partition = delete_records::DeleteRecordsPartition { partition_index: 0, offset };
    let topic = delete_records::DeleteRecordsTopic { name: topic.to_owned(), partitions: vec![partition] };
    let request = delete_records::Request { topics: vec![topic], timeout_ms: 1_000 };
    let answer = client.ask(&request, 2).await.topics.remove(0).partitions.remove(0);
    (answer.error_code, answer.low_watermark)
}

/// The values in a partition from `offset` to its end, each with its offset.
pub async fn read_all(client: &mut Client, topic: &str, mut offset: i64) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    loop {
        let data = fetch(client, topic, offset).await;
        assert_eq!(data.error_code, 0);
        let mut rest = data.records.map(Records::into_bytes).unwrap_or_default();
        while !rest.is_empty() {
            let batch = Batch::parse(&rest).expect("a whole batch");
            let _ = rest.split_to(batch.len());
            let payload = batch.decompress(1 << 20).expect("a payload");
            for record in kafkaesque::protocol::batch::Records::new(&batch.header, &payload) {
                let record = record.expect("a record");
                let value = record.value.map(|v| String::from_utf8_lossy(v).into_owned()).unwrap_or_default();
                found.push((record.offset(&batch.header), value));
            }
            offset = batch.header.last_offset() + 1;
        }
        if offset >= data.high_watermark {
            return found;
        }
    }
}

async fn with_topic() -> (Running, Client) {
    let running = Running::start().await;
    let mut client = running.client().await;
    assert_eq!(create(&mut client, vec![topic("t", 1, 1)]).await[0].error_code, 0);
    (running, client)
}

#[tokio::test]
async fn what_is_produced_is_fetched() {
    let (running, mut client) = with_topic().await;
    let mut expected = Vec::new();
    for (n, codec) in
        [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd].into_iter().enumerate()
    {
        let values = [format!("{n}-a"), format!("{n}-b"), format!("{n}-c")];
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let sent = bytes(batch(&values).compression(Compression::new(codec)));
        let answer = produce(&mut client, "t", sent).await;
        assert_eq!((answer.error_code, answer.base_offset), (0, 3 * n as i64), "{answer:?}");
        expected.extend(values.iter().enumerate().map(|(i, v)| ((3 * n + i) as i64, (*v).to_owned())));
    }
    assert_eq!(read_all(&mut client, "t", 0).await, expected);
    let data = fetch(&mut client, "t", 4).await;
    assert_eq!((data.high_watermark, data.last_stable_offset, data.log_start_offset), (15, 15, 0));
    let first = Batch::parse(&data.records.expect("records").into_bytes()).expect("a batch");
    assert_eq!(first.header.base_offset, 3, "the batch with the offset comes whole");
    assert_eq!(fetch(&mut client, "t", 15).await.error_code, 0);
    for offset in [16, -1] {
        assert_eq!(fetch(&mut client, "t", offset).await.error_code, ErrorCode::OffsetOutOfRange.code());
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_inside_a_compressed_batch_is_looked_at() {
    let (running, mut client) = with_topic().await;
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let whole = bytes(batch(&["a", "b", "c"]).compression(Compression::new(codec)));
        let mut announcing_more = whole.to_vec();
        announcing_more[57..61].copy_from_slice(&5i32.to_be_bytes());
        announcing_more[23..27].copy_from_slice(&4i32.to_be_bytes());
        let garbage = [&whole[..61], &[0xde; 40]].concat();
        for mut wrong in [announcing_more, garbage] {
            let length = (wrong.len() - 12) as u32;
            wrong[8..12].copy_from_slice(&length.to_be_bytes());
            let crc = kafkaesque::crc32c::checksum(&wrong[21..]);
            wrong[17..21].copy_from_slice(&crc.to_be_bytes());
            let answer = produce(&mut client, "t", wrong.into()).await;
            assert_eq!(answer.error_code, ErrorCode::InvalidRecord.code(), "{codec:?}: {answer:?}");
        }
    }
    assert_eq!(fetch(&mut client, "t", 0).await.high_watermark, 0, "nothing is stored");
    running.stop().await;
}

#[tokio::test]
async fn headers_are_believed_where_that_is_wanted() {
    let running = Running::with(&[("PRODUCE_VALIDATION", "headers")]).await;
    let mut client = running.client().await;
    assert_eq!(create(&mut client, vec![topic("t", 1, 1)]).await[0].error_code, 0);
    let whole = bytes(batch(&["a"]).compression(Compression::new(Codec::Lz4)));
    let mut garbage = [&whole[..61], &[0xde; 40]].concat();
    let length = (garbage.len() - 12) as u32;
    garbage[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = kafkaesque::crc32c::checksum(&garbage[21..]);
    garbage[17..21].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(produce(&mut client, "t", garbage.into()).await.error_code, 0);
    running.stop().await;
}

#[tokio::test]
async fn batches_that_unfold_to_very_much_keep_their_place() {
    let (running, mut client) = with_topic().await;
    let long = "x".repeat(60 << 20);
    let mut expected = Vec::new();
    for n in 0..6 {
        // Long ones and short ones by turns, all sent before the first answer is read.
        let (values, codec) = match n % 2 {
            0 => (vec![long.as_str()], Codec::Zstd),
            _ => (vec!["short"], Codec::Lz4),
        };
        let request = produce_request("t", bytes(batch(&values).compression(Compression::new(codec))), -1);
        expected.push(client.send(&request, 9).await);
    }
    for (n, id) in expected.into_iter().enumerate() {
        let (answered, response) = client.receive::<produce::Request>(9).await;
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!((answered, partition.error_code, partition.base_offset), (id, 0, n as i64));
    }
    running.stop().await;
}

#[tokio::test]
async fn topics_are_found_by_id_in_new_versions() {
    let (running, mut client) = with_topic().await;
    let id = describe(&mut client, "t", false).await.topic_id;
    let mut request = produce_request("", bytes(batch(&["x"])), -1);
    request.topic_data[0].topic_id = id;
    let answer = client.ask(&request, 13).await.responses.remove(0).partition_responses.remove(0);
    assert_eq!((answer.error_code, answer.base_offset), (0, 0));
    let mut request = fetch_request("", 0);
    request.topics[0].topic_id = id;
    let response = client.ask(&request, 17).await.responses.remove(0);
    assert_eq!((response.topic_id, response.partitions[0].error_code), (id, 0));
    assert!(response.partitions[0].records.as_ref().is_some_and(|r| !r.is_empty()));
    request.topics[0].topic_id = Uuid::from_u128(77);
    let unknown = client.ask(&request, 17).await.responses.remove(0).partitions.remove(0);
    assert_eq!(unknown.error_code, ErrorCode::UnknownTopicId.code());
    running.stop().await;
}

#[tokio::test]
async fn invalid_batches_are_refused_with_kafkas_codes() {
    let (running, mut client) = with_topic().await;
    let good = bytes(batch(&["x"]));
    let changed = |at: usize, to: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = to;
        Bytes::from(bytes)
    };
    let big = "x".repeat(1_100_000);
    let cases = [
        (Bytes::new(), ErrorCode::InvalidRecord),
        ([&good[..], &good[..]].concat().into(), ErrorCode::InvalidRecord),
        (changed(16, 1), ErrorCode::InvalidRecord),
        (changed(16, 0), ErrorCode::InvalidRecord),
        (changed(good.len() - 1, 0x55), ErrorCode::CorruptMessage),
        (bytes(batch(&[&big])), ErrorCode::MessageTooLarge),
        (bytes(batch(&["x"]).control()), ErrorCode::InvalidRecord),
        (
            bytes(batch(&["x"]).producer(1, 0, 0).transactional()),
            ErrorCode::TransactionalIdAuthorizationFailed,
        ),
    ];
    for (n, (records, expected)) in cases.into_iter().enumerate() {
        let answer = produce(&mut client, "t", records).await;
        assert_eq!(answer.error_code, expected.code(), "case {n}: {answer:?}");
    }
    assert_eq!(
        produce(&mut client, "none", good.clone()).await.error_code,
        ErrorCode::UnknownTopicOrPartition.code()
    );
    let bad_acks = produce_request("t", good.clone(), 2);
    let answer = client.ask(&bad_acks, 9).await.responses.remove(0).partition_responses.remove(0);
    assert_eq!(answer.error_code, ErrorCode::InvalidRequiredAcks.code());
    let stored = fetch(&mut client, "t", 0).await;
    assert_eq!(stored.high_watermark, 0, "nothing refused is stored");
    running.stop().await;
}

#[tokio::test]
async fn an_idempotent_producer_cannot_store_a_batch_twice() {
    let (running, mut client) = with_topic().await;
    let request = init_producer_id::Request { transactional_id: None, ..Default::default() };
    let given = client.ask(&request, 4).await;
    assert_eq!((given.error_code, given.producer_epoch), (0, 0));
    let id = given.producer_id;
    let sent = |sequence: i32, value: &str| bytes(batch(&[value]).producer(id, 0, sequence));
    for (sequence, code, offset) in [
        (0, ErrorCode::None, 0),
        (1, ErrorCode::None, 1),
        (0, ErrorCode::None, 0),
        (1, ErrorCode::None, 1),
        (5, ErrorCode::OutOfOrderSequenceNumber, -1),
        (2, ErrorCode::None, 2),
        (1, ErrorCode::None, 1),
    ] {
        let answer = produce(&mut client, "t", sent(sequence, &format!("v{sequence}"))).await;
        assert_eq!((answer.error_code, answer.base_offset), (code.code(), offset), "sequence {sequence}");
    }
    let values: Vec<String> =
        read_all(&mut client, "t", 0).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["v0", "v1", "v2"]);
    let transactional =
        init_producer_id::Request { transactional_id: Some("tx".to_owned()), ..Default::default() };
    assert_eq!(
        client.ask(&transactional, 4).await.error_code,
        ErrorCode::TransactionalIdAuthorizationFailed.code()
    );
    running.stop().await;
}

#[tokio::test]
async fn a_fetch_waits_for_records_and_no_longer_than_asked() {
    let (running, mut client) = with_topic().await;
    let mut waiting = fetch_request("t", 0);
    waiting.max_wait_ms = 300;
    let started = Instant::now();
    let empty = client.ask(&waiting, 11).await.responses.remove(0).partitions.remove(0);
    assert!(empty.records.is_none_or(|r| r.is_empty()));
    assert!(started.elapsed() >= Duration::from_millis(290));

    waiting.max_wait_ms = 15_000;
    let mut consumer = running.client().await;
    consumer.send(&waiting, 11).await;
    assert!(consumer.hears_nothing_for(Duration::from_millis(100)).await);
    produce(&mut client, "t", bytes(batch(&["late"]))).await;
    let started = Instant::now();
    let (_, response) = consumer.receive::<fetch::Request>(11).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(response.responses[0].partitions[0].records.as_ref().is_some_and(|r| !r.is_empty()));
    running.stop().await;
}

#[tokio::test]
async fn offsets_are_listed_by_time_and_by_end() {
    let (running, mut client) = with_topic().await;
    for (value, timestamp) in [("a", 1_000), ("b", 3_000), ("c", 2_000)] {
        let record = NewRecord { value: Some(value.as_bytes()), timestamp, ..NewRecord::default() };
        produce(&mut client, "t", bytes(Builder::new().record(&record))).await;
    }
    for (asked, offset, timestamp) in [
        (-1, 3, -1),
        (-2, 0, -1),
        (-3, 1, 3_000),
        (-4, 0, -1),
        (-5, -1, -1),
        (0, 0, 1_000),
        (1_001, 1, 3_000),
        (3_000, 1, 3_000),
        (3_001, -1, -1),
    ] {
        let partition = list_offsets::ListOffsetsPartition { timestamp: asked, ..Default::default() };
        let topic = list_offsets::ListOffsetsTopic { name: "t".to_owned(), partitions: vec![partition] };
        let request = list_offsets::Request { replica_id: -1, topics: vec![topic], ..Default::default() };
        let answer = client.ask(&request, 9).await.topics.remove(0).partitions.remove(0);
        assert_eq!((answer.error_code, answer.offset, answer.timestamp), (0, offset, timestamp), "{asked}");
    }
    running.stop().await;
}

#[tokio::test]
async fn deleted_records_stay_deleted() {
    let (running, mut client) = with_topic().await;
    for value in ["a", "b", "c"] {
        produce(&mut client, "t", bytes(batch(&[value]))).await;
    }
    for (before, code, start) in [
        (2, ErrorCode::None, 2),
        (1, ErrorCode::None, 2),
        (4, ErrorCode::OffsetOutOfRange, -1),
        (-1, ErrorCode::None, 3),
    ] {
        assert_eq!(delete_to(&mut client, "t", before).await, (code.code(), start), "before {before}");
    }
    assert_eq!(fetch(&mut client, "t", 1).await.error_code, ErrorCode::OffsetOutOfRange.code());
    assert_eq!(fetch(&mut client, "t", 3).await.log_start_offset, 3);
    running.stop().await;
}

#[tokio::test]
async fn leader_epochs_agree_everywhere() {
    let (running, mut client) = with_topic().await;
    assert_eq!(produce(&mut client, "t", bytes(batch(&["a"]))).await.error_code, 0);
    let epoch = describe(&mut client, "t", false).await.partitions[0].leader_epoch;
    let fetched = fetch(&mut client, "t", 0).await.records.expect("records").into_bytes();
    assert_eq!(Batch::parse(&fetched).expect("a batch").header.partition_leader_epoch, epoch);
    for (known, asked, code, end) in [
        (-1, epoch, ErrorCode::None, 1),
        (epoch, epoch, ErrorCode::None, 1),
        (epoch + 1, epoch, ErrorCode::UnknownLeaderEpoch, -1),
        (epoch, epoch + 1, ErrorCode::None, -1),
    ] {
        let partition = offset_for_leader_epoch::OffsetForLeaderPartition {
            current_leader_epoch: known,
            leader_epoch: asked,
            ..Default::default()
        };
        let topic = offset_for_leader_epoch::OffsetForLeaderTopic {
            topic: "t".to_owned(),
            partitions: vec![partition],
        };
        let request = offset_for_leader_epoch::Request { topics: vec![topic], ..Default::default() };
        let answer = client.ask(&request, 4).await.topics.remove(0).partitions.remove(0);
        assert_eq!(
            (answer.error_code, answer.end_offset),
            (code.code(), end),
            "known {known}, asked {asked}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn pipelined_produces_are_answered_in_order() {
    let (running, mut client) = with_topic().await;
    let mut sent = Vec::new();
    for n in 0..40 {
        sent.push(client.send(&produce_request("t", bytes(batch(&[&n.to_string()])), -1), 9).await);
    }
    sent.push(client.send(&metadata::Request::default(), 12).await);
    for (n, id) in sent[..40].iter().enumerate() {
        let (answered, response) = client.receive::<produce::Request>(9).await;
        assert_eq!(answered, *id);
        assert_eq!(response.responses[0].partition_responses[0].base_offset, n as i64);
    }
    assert_eq!(client.receive::<metadata::Request>(12).await.0, sent[40]);
    running.stop().await;
}

#[tokio::test]
async fn a_session_remembers_and_tells_only_what_changed() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("a", 1, 1), topic("b", 1, 1)]).await;
    let mut request = fetch_request("a", 0);
    request.topics.extend(fetch_request("b", 0).topics);
    request.session_epoch = 0;
    let first = client.ask(&request, 12).await;
    assert_eq!((first.error_code, first.responses.len()), (0, 2));
    assert_ne!(first.session_id, 0);

    produce(&mut client, "b", bytes(batch(&["x"]))).await;
    let mut next = fetch::Request {
        session_id: first.session_id,
        session_epoch: 1,
        max_wait_ms: 0,
        min_bytes: 1,
        ..fetch::Request::default()
    };
    let second = client.ask(&next, 12).await;
    let told: Vec<&str> = second.responses.iter().map(|topic| topic.topic.as_str()).collect();
    assert_eq!((second.error_code, told), (0, vec!["b"]));

    let stale = client.ask(&next, 12).await;
    assert_eq!(stale.error_code, ErrorCode::InvalidFetchSessionEpoch.code());
    next.session_id += 1;
    let unknown = client.ask(&next, 12).await;
    assert_eq!(unknown.error_code, ErrorCode::FetchSessionIdNotFound.code());
    running.stop().await;
}

#[tokio::test]
async fn a_fetch_of_ten_thousand_partitions_that_nobody_used_is_answered() {
    let data = tempfile::tempdir().expect("a directory");
    let running = Running::on(data.path(), &[]).await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 10_000, 1)]).await;
    produce(&mut client, "t", bytes(batch(&["a"]))).await;
    running.stop().await;

    // Whoever was here before left nothing in memory.
    let running = Running::on(data.path(), &[]).await;
    let mut client = running.client().await;
    let partitions = (0..10_000).map(|partition| fetch::FetchPartition {
        partition,
        partition_max_bytes: 1000,
        ..fetch::FetchPartition::default()
    });
    let asked =
        fetch::FetchTopic { topic: "t".to_owned(), partitions: partitions.collect(), ..Default::default() };
    let request = fetch::Request { topics: vec![asked], ..fetch_request("t", 0) };
    let answer = client.ask(&request, 11).await.responses.remove(0);
    assert_eq!(answer.partitions.len(), 10_000);
    for partition in answer.partitions {
        let records = i64::from(partition.partition_index == 0);
        assert_eq!((partition.error_code, partition.high_watermark), (0, records));
    }
    running.stop().await;
}
