//! Kafka's internal topics: nobody makes one, and one that is there from before takes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use kafkaesque::metadata::{
    Command, IfExists, Listener, Metadata, MetadataSettings, NewTopic, SNAPSHOT_LOG_BYTES, Timeouts,
};
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::delete_topics;
use kafkaesque::runtime::Runtime;
use kafkaesque::store::database::Databases;
use kafkaesque::store::{self, Backend, Local};
use kafkaesque::types::{BrokerId, ShardId, TopicId};

use crate::Running;
use crate::admin::{create, describe, topic};
use crate::produce_fetch::{batch, bytes, produce};

#[tokio::test]
async fn internal_topics_are_not_made_by_asking_for_them_nor_by_clients() {
    let running = Running::start().await;
    let mut client = running.client().await;
    for name in ["__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"] {
        let found = describe(&mut client, name, true).await;
        assert_eq!(found.error_code, ErrorCode::UnknownTopicOrPartition.code(), "{name}");
        let made = create(&mut client, vec![topic(name, 1, 1)]).await.remove(0);
        assert_eq!(made.error_code, ErrorCode::InvalidRequest.code(), "{name}");
        let found = describe(&mut client, name, false).await;
        assert_eq!(found.error_code, ErrorCode::UnknownTopicOrPartition.code(), "{name}");
    }
    running.stop().await;
}

/// Makes a topic that clients cannot make, on the data of a broker that is down.
async fn make_behind_its_back(data: &Path, name: &str) {
    let runtime = Runtime::system();
    let local = Local { path: data.to_owned(), fsync: false, reserve_bytes: 0 };
    let config = store::Config::new(Backend::Local(local));
    let store = store::open(&config, &runtime, |_, _| {}).await.expect("the store opens");
    let databases = Databases::new(&store, 8 << 20, &runtime);
    let settings = MetadataSettings {
        agreed: Default::default(),
        level: Command::LATEST,
        is_rebuilt: false,
        broker_id: BrokerId(0),
        cluster_id: None,
        shards: 1,
        voters: Vec::new(),
        address: String::new(),
        listeners: vec![Listener { name: "PLAINTEXT".to_owned(), host: "127.0.0.1".to_owned(), port: 1 }],
        rack: None,
        timeouts: Timeouts::local(),
        snapshot_log_bytes: SNAPSHOT_LOG_BYTES,
    };
    let metadata =
        Metadata::start(&store, &databases, &settings, &runtime).await.expect("the metadata opens");
    let made = NewTopic {
        id: TopicId(uuid::Uuid::from_u128(1)),
        name: name.into(),
        placement: vec![ShardId(0)],
        configs: BTreeMap::new(),
        created_ms: 0,
        if_exists: IfExists::Refuse,
    };
    metadata.propose(Command::CreateTopic(made)).await.expect("proposed").expect("made");
    metadata.close().await;
}

#[tokio::test]
async fn an_internal_topic_of_an_older_store_is_shown_takes_no_records_and_can_be_deleted() {
    const NAME: &str = "__consumer_offsets";
    let data = tempfile::tempdir().expect("a directory");
    Running::on(data.path(), &[]).await.stop().await;
    make_behind_its_back(data.path(), NAME).await;
    let running = Running::on(data.path(), &[]).await;
    let mut client = running.client().await;
    let found = describe(&mut client, NAME, false).await;
    assert_eq!((found.error_code, found.is_internal, found.partitions.len()), (0, true, 1));
    let refused = produce(&mut client, NAME, bytes(batch(&["a"]))).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidTopicException.code());
    let request = delete_topics::Request {
        topic_names: vec![NAME.to_owned()],
        timeout_ms: 10_000,
        ..Default::default()
    };
    assert_eq!(client.ask(&request, 3).await.responses[0].error_code, 0);
    let gone = describe(&mut client, NAME, true).await;
    assert_eq!(gone.error_code, ErrorCode::UnknownTopicOrPartition.code());
    running.stop().await;
}
