//! Every version of every announced API gets an answer, and what is not announced is refused on an open connection.

use kafkaesque::protocol::codec::Message as _;
use kafkaesque::protocol::messages::*;
use kafkaesque::protocol::{ApiKey, ErrorCode};
use kafkaesque::{api, for_each_served_api};
use uuid::Uuid;

use crate::Running;
use crate::client::Client;
use crate::probes::{TOPIC, probe, software};

macro_rules! default_requests {
    ($($module:ident $name:ident,)*) => {
        /// Asks with nothing filled in. Only that there is an answer of the version is looked at.
        async fn ask_by_default(client: &mut Client, key: ApiKey, version: i16) {
            if key == ApiKey::Produce {
                // Without acks there would be no answer.
                client.ask(&produce::Request { acks: -1, ..Default::default() }, version).await;
                return;
            }
            match key {
                $( ApiKey::$name => { client.ask(&$module::Request::default(), version).await; } )*
                other => panic!("{other:?} is announced and not served"),
            }
        }
    };
}
for_each_served_api!(default_requests);

#[tokio::test]
async fn every_announced_version_is_answered() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let announced = client.ask(&software(), 4).await;
    assert_eq!(announced.api_keys.len(), api::announced().count());
    let topic_id = create_topic(&mut client).await;
    let mut wrong = Vec::new();
    for announced in announced.api_keys {
        let key = ApiKey::from_key(announced.api_key).expect("a key of Kafka's");
        let mut versions = announced.min_version..=announced.max_version;
        if key == ApiKey::Produce {
            // Announced from 0 for old librdkafka; refused below 3, as by Kafka.
            assert_eq!(versions, 0..=13);
            versions = 3..=13;
        }
        for version in versions.clone() {
            ask_by_default(&mut client, key, version).await;
        }
        wrong.extend(probe(&mut client, key, versions, topic_id).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    running.stop().await;
}

/// Creates the topic of the probes.
async fn create_topic(client: &mut Client) -> Uuid {
    let topic = create_topics::CreatableTopic {
        name: TOPIC.to_owned(),
        num_partitions: 1,
        replication_factor: 1,
        ..Default::default()
    };
    let created = client.ask(&create_topics::Request { topics: vec![topic], ..Default::default() }, 7).await;
    assert_eq!(created.topics[0].error_code, ErrorCode::None.code());
    created.topics[0].topic_id
}

/// The header of a request with an empty client id, and a body of zeros.
fn frame(key: i16, version: i16, correlation_id: i32) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend_from_slice(&key.to_be_bytes());
    frame.extend_from_slice(&version.to_be_bytes());
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    frame.extend_from_slice(&0i16.to_be_bytes());
    frame.extend_from_slice(&[0; 8]);
    let length = frame.len() as i32;
    [length.to_be_bytes().to_vec(), frame].concat()
}

#[tokio::test]
async fn what_is_not_announced_is_refused_on_an_open_connection() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let announced: std::collections::BTreeMap<i16, i16> =
        api::announced().map(|(key, versions)| (key.key(), *versions.end())).collect();
    for key in -1..=200i16 {
        if key == ApiKey::ApiVersions.key() {
            continue;
        }
        let version = announced.get(&key).map_or(0, |highest| highest + 1);
        client.raw(&frame(key, version, 1000 + i32::from(key))).await;
        let answer = client.frame().await.expect("an answer");
        assert_eq!(answer[..4], (1000 + i32::from(key)).to_be_bytes(), "key {key}");
        assert_eq!(answer[4..6], ErrorCode::UnsupportedVersion.code().to_be_bytes(), "key {key}");
    }
    client.raw(&frame(ApiKey::Produce.key(), 2, 7)).await;
    let answer = client.frame().await.expect("an answer");
    assert_eq!(answer[4..6], ErrorCode::UnsupportedVersion.code().to_be_bytes());
    client.ask(&metadata::Request::default(), 12).await;
    running.stop().await;
}

#[tokio::test]
async fn a_newer_client_learns_the_version_of_api_versions() {
    let running = Running::start().await;
    let mut client = running.client().await;
    client.raw(&frame(ApiKey::ApiVersions.key(), 77, 5)).await;
    let answer = client.frame().await.expect("an answer");
    assert_eq!(answer[..4], 5i32.to_be_bytes());
    let body = answer.slice(4..);
    let response = api_versions::Response::decode(&body, 0).expect("version 0");
    assert_eq!(response.error_code, ErrorCode::UnsupportedVersion.code());
    let ranges: Vec<_> =
        response.api_keys.iter().map(|k| (k.api_key, k.min_version, k.max_version)).collect();
    assert_eq!(ranges, [(18, 0, 5)]);
    client.ask(&software(), 3).await;
    running.stop().await;
}

#[tokio::test]
async fn the_wrong_cluster_or_node_is_told_to_rebootstrap() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let ask = |cluster: &str, node: i32| api_versions::Request {
        cluster_id: Some(cluster.to_owned()),
        node_id: node,
        ..software()
    };
    for (cluster, node, expected) in [
        ("kafkaesque", 0, ErrorCode::None),
        ("another", 0, ErrorCode::RebootstrapRequired),
        ("kafkaesque", 9, ErrorCode::RebootstrapRequired),
    ] {
        let response = client.ask(&ask(cluster, node), 5).await;
        assert_eq!(response.error_code, expected.code(), "{cluster} {node}");
        assert_eq!(response.api_keys.is_empty(), expected != ErrorCode::None);
    }
    let nameless = api_versions::Request { client_software_name: "-no-".to_owned(), ..software() };
    assert_eq!(client.ask(&nameless, 3).await.error_code, ErrorCode::InvalidRequest.code());
    running.stop().await;
}
