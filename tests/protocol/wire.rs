//! Bytes and values: ours against those of Kafka's generated classes, at every version of every message.

use bytes::Bytes;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::json;

use kafkaesque::protocol::codec::Message;
use kafkaesque::protocol::header::{RequestHeader, decode_response_header, request_frame};
use kafkaesque::protocol::messages::{self, metadata};
use kafkaesque::protocol::{ApiKey, ErrorCode};

use crate::catalog::{self, all_versions};
use crate::hostile;
use crate::kafka::{Kafka, hex};
use crate::odd::Oddity;

/// Random messages of each version that Kafka is shown.
const ROUNDS: u64 = 12;

#[test]
fn random_values_are_read_by_kafka_as_we_wrote_them() {
    let Some(mut kafka) = Kafka::start("random_values_are_read_by_kafka_as_we_wrote_them") else { return };
    let mut compared = 0;
    for (entry, version) in all_versions() {
        for round in 0..ROUNDS {
            let seed = round << 32 | u64::from(version.unsigned_abs());
            let (bytes, value) = (entry.random)(version, seed);
            let theirs = kafka.read(&entry.class(), version, &bytes);
            let at = format!("{} version {version} seed {seed}", entry.name);
            assert_eq!(theirs, Ok((bytes.clone(), value.clone())), "Kafka, {at}");
            assert_eq!((entry.read_back)(&bytes, version), Ok((bytes, value)), "ourselves, {at}");
            compared += 1;
        }
    }
    println!("{} messages, {} versions, {compared} values", catalog::ALL.len(), all_versions().count());
}

/// Messages that no careful client writes: Kafka takes some of it and refuses some, and so do we.
#[test]
fn odd_and_damaged_messages_are_taken_or_refused_as_by_kafka() {
    let name = "odd_and_damaged_messages_are_taken_or_refused_as_by_kafka";
    let Some(mut kafka) = Kafka::start(name) else { return };
    let mut rng = StdRng::seed_from_u64(4);
    let (mut taken, mut refused) = (0, 0);
    for (entry, version) in all_versions() {
        let seeds = (0..4).map(|round| (round << 32) + u64::from(version.unsigned_abs()));
        let odd = |seed| Oddity::ALL.map(|oddity| (entry.odd)(version, seed, oddity));
        let mut messages: Vec<Vec<u8>> = seeds.clone().flat_map(odd).collect();
        for seed in seeds {
            let mut damaged = (entry.random)(version, seed).0.to_vec();
            hostile::damage(&mut damaged, &mut rng);
            messages.push(damaged);
        }
        for bytes in messages {
            let theirs = kafka.take(&entry.class(), version, &bytes);
            let ours = (entry.take)(&Bytes::from(bytes.clone()), version);
            let at =
                || format!("{} version {version}, {}: {ours:?}, Kafka {theirs:?}", entry.name, hex(&bytes));
            match (&ours, &theirs) {
                (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{}", at()),
                (ours, theirs) => assert_eq!(ours.is_ok(), theirs.is_ok(), "{}", at()),
            }
            *if ours.is_ok() { &mut taken } else { &mut refused } += 1;
        }
    }
    println!("{taken} taken, {refused} refused");
    assert!(taken > 1000 && refused > 1000);
}

#[test]
fn new_messages_have_kafkas_defaults() {
    let Some(mut kafka) = Kafka::start("new_messages_have_kafkas_defaults") else { return };
    for (entry, version) in all_versions() {
        let ours = (entry.initial)(version);
        assert_eq!(kafka.new_message(&entry.class(), version), Ok(ours), "{} version {version}", entry.name);
    }
}

#[test]
fn error_codes_are_kafkas() {
    let Some(mut kafka) = Kafka::start("error_codes_are_kafkas") else { return };
    let ours: Vec<String> = ErrorCode::ALL
        .iter()
        .map(|code| format!("{} {} {}", code.code(), screaming(code.name()), code.is_retriable()))
        .collect();
    assert_eq!(kafka.ask("errors").unwrap(), ours);
}

/// `NotController` as `NOT_CONTROLLER`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_uppercase());
    }
    text
}

#[test]
fn every_api_has_kafkas_key_audience_and_header_versions() {
    let Some(mut kafka) = Kafka::start("every_api_has_kafkas_key_audience_and_header_versions") else {
        return;
    };
    let mut seen = Vec::new();
    for line in kafka.ask("headers").unwrap() {
        let words: Vec<&str> = line.split(' ').collect();
        let [key, version, request, response] = [0, 1, 2, 3].map(|n| words[n].parse::<i16>().unwrap());
        let api_key = ApiKey::from_key(key).unwrap();
        assert_eq!(api_key.is_for_clients().to_string(), words[4], "{api_key:?}");
        seen.push(api_key);
        let Some(api) = messages::api(api_key) else { continue };
        assert_eq!(api.request.is_flexible(version), request == 2, "{api_key:?} version {version}");
        let with_tags = [0, 0, 0, 9, 0, 42];
        let frame = Bytes::copy_from_slice(&with_tags);
        let (correlation_id, body) = decode_response_header(&frame, api_key, version).unwrap();
        assert_eq!((correlation_id, body.len()), (9, 2 - response as usize), "{api_key:?} version {version}");
    }
    seen.dedup();
    assert_eq!(seen, ApiKey::ALL);
    let missing: Vec<_> =
        ApiKey::ALL.iter().filter(|key| key.is_for_clients() && messages::api(**key).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn frames_have_headers_that_kafka_reads() {
    let Some(mut kafka) = Kafka::start("frames_have_headers_that_kafka_reads") else { return };
    for (version, header_version) in [(0, 1), (8, 1), (9, 2), (13, 2)] {
        for client_id in [None, Some(""), Some("caf\u{e9}")] {
            let frame = one_piece(request_frame(&metadata::Request::default(), version, 77, client_id));
            let (header, body) = RequestHeader::decode(&frame).unwrap();
            let head = &frame[..frame.len() - body.len()];
            let (bytes, json) = kafka.read("RequestHeaderData", header_version, head).unwrap();
            assert_eq!(bytes, head);
            let expected = json!({
                "requestApiKey": 3, "requestApiVersion": version, "correlationId": 77, "clientId": client_id,
            });
            assert_eq!(json, expected);
            assert_eq!((header.api(), header.client_id.as_deref()), (Some(ApiKey::Metadata), client_id));
            assert_eq!(metadata::Request::decode(&body, version), Ok(metadata::Request::default()));
        }
    }
}

/// A frame without its length, which is checked.
fn one_piece<E: std::fmt::Debug>(frame: Result<Vec<Bytes>, E>) -> Bytes {
    let all: Bytes = frame.unwrap().concat().into();
    assert_eq!(all[..4], ((all.len() - 4) as u32).to_be_bytes());
    all.slice(4..)
}
