//! From bytes to what they mean and back: requests, responses, record batches, and what a topic's configs say of them.

#[expect(dead_code, reason = "the shard is of use to the others alone")]
mod support;

use std::collections::BTreeMap;

use bytes::Bytes;
use divan::{Bencher, black_box, counter::BytesCount};
use kafkaesque::protocol::batch::{self, Batch, Rules};
use kafkaesque::protocol::codec::{Message as _, Records, Writer};
use kafkaesque::protocol::messages::{fetch, produce};
use kafkaesque::settings::{BrokerLayers, TopicSettings};

fn main() {
    divan::main();
}

const PRODUCE: i16 = 13;
const FETCH: i16 = 18;

fn produce_request(partitions: i32, batch: &Batch) -> Bytes {
    let data =
        |index| produce::PartitionProduceData { index, records: Some(Records::from(batch.to_bytes())) };
    let topic = produce::TopicProduceData {
        topic_id: uuid::Uuid::from_u128(1),
        partition_data: (0..partitions).map(data).collect(),
        ..produce::TopicProduceData::default()
    };
    let request = produce::Request { acks: -1, topic_data: vec![topic], ..produce::Request::default() };
    let mut out = Writer::with_capacity(1024);
    request.encode(&mut out, PRODUCE).expect("is encoded");
    out.into_bytes()
}

/// The records stay where they are.
#[divan::bench(args = [1, 1000])]
fn decode_produce(bencher: Bencher<'_, '_>, partitions: i32) {
    let frame = produce_request(partitions, &support::batch(1, 100));
    bencher.bench(|| produce::Request::decode(black_box(&frame), PRODUCE));
}

#[divan::bench(args = [1, 1000])]
fn encode_fetch(bencher: Bencher<'_, '_>, partitions: i32) {
    let records = support::batch(16, 1024).to_bytes();
    let data = |partition_index| fetch::PartitionData {
        partition_index,
        records: Some(Records::from(records.clone())),
        ..fetch::PartitionData::default()
    };
    let topic = fetch::FetchableTopicResponse {
        topic_id: uuid::Uuid::from_u128(1),
        partitions: (0..partitions).map(data).collect(),
        ..fetch::FetchableTopicResponse::default()
    };
    let response = fetch::Response { responses: vec![topic], ..fetch::Response::default() };
    bencher.bench(|| {
        let mut out = Writer::with_capacity(1024);
        black_box(&response).encode(&mut out, FETCH).expect("is encoded");
        out.finish()
    });
}

/// The checksum, and a walk over the records: by their size, in batches of about 64 KiB.
#[divan::bench(args = [100, 1024])]
fn validate_batch(bencher: Bencher<'_, '_>, record_bytes: usize) {
    let records = support::batch(65_536 / record_bytes, record_bytes).to_bytes();
    let rules = Rules::default();
    bencher
        .counter(BytesCount::new(records.len()))
        .bench(|| batch::validate(black_box(&records), &rules, 1_000));
}

/// Of a topic of which one config is set.
#[divan::bench]
fn topic_settings(bencher: Bencher<'_, '_>) {
    let own = BTreeMap::from([("retention.ms".to_owned(), "60000".to_owned())]);
    bencher.bench(|| TopicSettings::effective(black_box(&own), &BrokerLayers::DEFAULTS));
}
