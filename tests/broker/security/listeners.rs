//! Listeners with protocols of their own.

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{describe_cluster, find_coordinator, metadata};

use super::{address, log_in_plain};
use crate::Running;
use crate::certificates::Certificates;
use crate::client::Client;

#[tokio::test]
async fn each_listener_asks_for_what_it_should_and_tells_its_own_address() {
    let certificates = Certificates::new();
    let running = Running::with(&[
        ("LISTENERS", "INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:0,HIDDEN://127.0.0.1:0"),
        ("ADVERTISED_LISTENERS", "INSIDE://inside:1111,OUTSIDE://outside:2222"),
        ("LISTENER_SECURITY_PROTOCOL_MAP", "INSIDE:PLAINTEXT,OUTSIDE:SASL_SSL,HIDDEN:SSL"),
        ("TLS_CERT_PATH", &certificates.file("broker.pem")),
        ("TLS_KEY_PATH", &certificates.file("broker.key")),
        ("SASL_USERS", "alice:secret"),
    ])
    .await;
    let mut inside = Client::connect(address(&running, "INSIDE")).await;
    let mut outside = certificates.connect(address(&running, "OUTSIDE"), None).await.expect("TLS");
    assert_eq!(log_in_plain(&mut outside, "alice", "secret").await, 0);
    let mut hidden = certificates.connect(address(&running, "HIDDEN"), None).await.expect("TLS");
    for (client, place) in [(&mut inside, ("inside", 1111)), (&mut outside, ("outside", 2222))] {
        let found = client.ask(&metadata::Request::default(), 12).await;
        assert_eq!((found.brokers[0].host.as_str(), found.brokers[0].port), place);
        let found =
            client.ask(&describe_cluster::Request { endpoint_type: 1, ..Default::default() }, 1).await;
        assert_eq!((found.brokers[0].host.as_str(), found.brokers[0].port), place);
        let asked = find_coordinator::Request { key: "group".to_owned(), ..Default::default() };
        let found = client.ask(&asked, 3).await;
        assert_eq!((found.host.as_str(), found.port), place);
    }
    // Nobody is advertised there, so nobody leads.
    let asked = metadata::MetadataRequestTopic { name: Some("t".to_owned()), ..Default::default() };
    let asked = metadata::Request {
        topics: Some(vec![asked]),
        allow_auto_topic_creation: true,
        ..metadata::Request::default()
    };
    let found = hidden.ask(&asked, 12).await;
    assert!(found.brokers.is_empty(), "{found:?}");
    let partition = &found.topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.leader_id), (ErrorCode::ListenerNotFound.code(), -1));
    let found =
        hidden.ask(&find_coordinator::Request { key: "group".to_owned(), ..Default::default() }, 3).await;
    assert_eq!(found.error_code, ErrorCode::CoordinatorNotAvailable.code());
    running.stop().await;
}
