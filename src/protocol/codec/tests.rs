use bytes::Bytes;

use super::*;
use crate::protocol::messages::{fetch, metadata, produce};

fn round_trip<M: Message + std::fmt::Debug>(message: &M, version: i16) -> Bytes {
    let mut out = Writer::default();
    message.encode(&mut out, version).unwrap();
    let bytes = out.into_bytes();
    assert_eq!(&M::decode(&bytes, version).unwrap(), message);
    bytes
}

#[test]
fn a_payload_is_neither_copied_when_written_nor_when_read() {
    let payload = Bytes::from(vec![7; 10_000]);
    let request = produce::Request {
        acks: -1,
        topic_data: vec![produce::TopicProduceData {
            partition_data: vec![produce::PartitionProduceData {
                index: 3,
                records: Some(vec![payload.clone(), payload.clone()].into()),
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut out = Writer::default();
    request.encode(&mut out, 13).unwrap();
    let length = out.len();
    let chunks = out.finish();
    assert_eq!(chunks.iter().map(Bytes::len).sum::<usize>(), length);
    assert_eq!(chunks[1].as_ptr(), payload.as_ptr());
    assert_eq!(chunks[2].as_ptr(), payload.as_ptr());

    let frame = Records::from(chunks).into_bytes();
    let read = produce::Request::decode(&frame, 13).unwrap();
    assert_eq!(read, request);
    let records = read.topic_data[0].partition_data[0].records.as_ref().unwrap();
    assert!(frame.as_ptr_range().contains(&records.chunks()[0].as_ptr()));
}

#[test]
fn a_new_message_starts_with_the_declared_defaults() {
    let request = fetch::Request::default();
    assert_eq!((request.replica_id, request.max_bytes, request.cluster_id), (-1, i32::MAX, None));
    assert_eq!(metadata::Request::default().topics, Some(Vec::new()));
}

#[test]
fn a_field_the_version_lacks_is_an_error_unless_it_may_be_ignored() {
    let mut out = Writer::default();
    let request = metadata::Request { allow_auto_topic_creation: false, ..Default::default() };
    assert_eq!(
        request.encode(&mut out, 3),
        Err(EncodeError::NotInVersion { field: "allow_auto_topic_creation", version: 3 })
    );
    let request = fetch::Request { session_epoch: 7, ..Default::default() };
    request.encode(&mut out, 4).unwrap();
    assert!(request.encode(&mut out, 3).is_err());
}

#[test]
fn null_is_an_error_where_the_version_has_none() {
    let request = metadata::Request { topics: None, ..Default::default() };
    let mut out = Writer::default();
    assert!(matches!(request.encode(&mut out, 0), Err(EncodeError::UnexpectedNull { field: "topics", .. })));
    assert_eq!(&round_trip(&request, 1)[..], [0xff; 4]);
    let refused = metadata::Request::decode(&Bytes::from_static(&[0xff; 4]), 0).unwrap_err();
    assert_eq!(refused, DecodeError { field: "topics", fault: Fault::UnexpectedNull });
}

#[test]
fn tagged_fields_travel_in_order_and_only_when_set() {
    let plain = round_trip(&fetch::Request::default(), 17);
    let request = fetch::Request {
        cluster_id: Some("c".into()),
        replica_state: fetch::ReplicaState { replica_id: 5, replica_epoch: 6 },
        ..Default::default()
    };
    let bytes = round_trip(&request, 17);
    let tail = &bytes[plain.len() - 1..];
    assert_eq!(tail[..6], [2, 0, 2, 2, b'c', 1]);
    assert_eq!(tail.len(), 1 + 4 + 2 + 4 + 8 + 1);
}

/// A Fetch request at version 12 without its tagged section.
fn fetch_body() -> Vec<u8> {
    let mut body = round_trip(&fetch::Request::default(), 12).to_vec();
    body.pop();
    body
}

fn decode_with_tags(tags: &[u8]) -> Result<fetch::Request, Fault> {
    let frame = Bytes::from([&fetch_body(), tags].concat());
    fetch::Request::decode(&frame, 12).map_err(|error| error.fault)
}

#[test]
fn an_unknown_tag_is_skipped() {
    assert_eq!(decode_with_tags(&[1, 9, 2, 0xff, 0xff]), Ok(fetch::Request::default()));
}

#[test]
fn tagged_fields_come_in_any_order_and_the_last_one_counts() {
    let known = |tags: &[u8]| decode_with_tags(tags).map(|request| request.cluster_id);
    assert_eq!(known(&[1, 0, 2, 2, b'c']), Ok(Some("c".to_owned())));
    assert_eq!(known(&[2, 9, 0, 8, 0]), Ok(None));
    assert_eq!(known(&[2, 9, 0, 0, 2, 2, b'c']), Ok(Some("c".to_owned())));
    assert_eq!(known(&[2, 0, 2, 2, b'c', 0, 2, 2, b'd']), Ok(Some("d".to_owned())));
}

#[test]
fn a_known_tagged_field_ends_where_its_type_says() {
    let known = |tags: &[u8]| decode_with_tags(tags).map(|request| request.cluster_id);
    assert_eq!(known(&[1, 0, 99, 2, b'c']), Ok(Some("c".to_owned())));
    assert_eq!(known(&[1, 0, 0, 2, b'c']), Ok(Some("c".to_owned())));
    assert_eq!(known(&[1, 0, 2, 3, b'c']), Err(Fault::Truncated));
}

#[test]
fn a_tagged_section_is_bounded_and_of_its_version() {
    assert_eq!(decode_with_tags(&[2, 9]), Err(Fault::TooManyTags));
    assert_eq!(decode_with_tags(&[1, 9, 3, 0, 0]), Err(Fault::Truncated));
    let many = |count: u16| {
        let mut tags = vec![count as u8 | 0x80, (count >> 7) as u8];
        tags.extend([9, 0].repeat(count.into()));
        decode_with_tags(&tags).map(drop)
    };
    assert_eq!((many(10_000), many(10_001)), (Ok(()), Err(Fault::TooManyTags)));
    // The state of a replica, which comes with version 15.
    assert_eq!(decode_with_tags(&[1, 1, 0]), Err(Fault::TagNotInVersion));
}

#[test]
fn malformed_values_are_told_apart() {
    let decode = |bytes: &'static [u8], version| {
        metadata::Request::decode(&Bytes::from_static(bytes), version).unwrap_err().fault
    };
    assert_eq!(decode(&[0, 0, 0, 1, 0xff, 0xfe, 0, 0, 0], 1), Fault::UnexpectedNull);
    assert_eq!(decode(&[0x7f, 0xff, 0xff, 0xff], 1), Fault::ArrayTooLong);
    assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0x8f, 0], 9), Fault::VarintOverflow);
    assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0x07], 9), Fault::ArrayTooLong);
    assert_eq!(decode(&[], 99), Fault::UnknownVersion);
    assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0], 1), Fault::TrailingBytes);
}

#[test]
fn any_negative_length_is_null() {
    let topics = |bytes: &'static [u8], version| {
        metadata::Request::decode(&Bytes::from_static(bytes), version).unwrap().topics
    };
    assert_eq!(topics(&[0xff, 0xff, 0xff, 0xfe], 1), None);
    assert_eq!(topics(&[0x80, 0, 0, 0], 1), None);
    // As 32 signed bits, with those above them lost.
    assert_eq!(topics(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0], 9), None);
    assert_eq!(topics(&[0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0], 9), None);
}

#[test]
fn bytes_behind_a_message_are_left_to_the_reader() {
    let frame = Bytes::from_static(&[0, 0, 0, 0, 1, 2, 3]);
    let (request, rest) = metadata::Request::decode_from(Reader::new(&frame), 1).unwrap();
    assert_eq!((request.topics, &rest.rest()[..]), (Some(Vec::new()), &[1, 2, 3][..]));
}

#[test]
fn memory_beyond_the_budget_is_refused_before_it_is_taken() {
    // A topic of two bytes takes 40 in memory; a million of them are past the budget of this frame.
    let count = 1_000_000;
    let mut frame = Writer::default();
    frame.varint(count + 1);
    let mut frame = frame.into_bytes().to_vec();
    frame.resize(frame.len() + count as usize * 2, 0);
    let refused = metadata::Request::decode(&Bytes::from(frame), 9).unwrap_err();
    assert_eq!(refused.fault, Fault::OverBudget);
}
