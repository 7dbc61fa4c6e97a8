//! Configs: described with their sources, changed as a whole or singly, refused when unknown.

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{
    alter_configs, describe_configs, incremental_alter_configs, list_config_resources,
};

use crate::Running;
use crate::admin::{create, topic};
use crate::client::Client;

pub const TOPIC: i8 = 2;
pub const BROKER: i8 = 4;
const DYNAMIC_TOPIC: i8 = 1;
const DYNAMIC_DEFAULT_BROKER: i8 = 3;
const STATIC_BROKER: i8 = 4;
const DEFAULT: i8 = 5;
pub const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// The request for everything about one resource.
pub fn describing(kind: i8, name: &str) -> describe_configs::Request {
    let resource = describe_configs::DescribeConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configuration_keys: None,
    };
    describe_configs::Request {
        resources: vec![resource],
        include_synonyms: true,
        include_documentation: true,
    }
}

async fn described(client: &mut Client, kind: i8, name: &str) -> describe_configs::DescribeConfigsResult {
    client.ask(&describing(kind, name), 4).await.results.remove(0)
}

/// Value and source of one config.
async fn value(client: &mut Client, kind: i8, name: &str, config: &str) -> (Option<String>, i8) {
    let result = described(client, kind, name).await;
    let found = result.configs.into_iter().find(|c| c.name == config);
    found.map(|c| (c.value, c.config_source)).unwrap_or_else(|| panic!("{config} is not described"))
}

pub async fn change(client: &mut Client, kind: i8, name: &str, changes: &[Changed<'_>]) -> i16 {
    let configs = changes.iter().map(|(name, op, value)| incremental_alter_configs::AlterableConfig {
        name: (*name).to_owned(),
        config_operation: *op,
        value: value.map(str::to_owned),
    });
    let resource = incremental_alter_configs::AlterConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configs: configs.collect(),
    };
    let request = incremental_alter_configs::Request { resources: vec![resource], validate_only: false };
    client.ask(&request, 1).await.responses.remove(0).error_code
}

/// Name, operation and value.
pub type Changed<'a> = (&'a str, i8, Option<&'a str>);

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[tokio::test]
async fn the_source_of_a_value_is_told() {
    let running = Running::with(&[("LOG_RETENTION_MS", "1000")]).await;
    let mut client = running.client().await;
    let mut asked = topic("t", 1, 1);
    asked.configs = vec![kafkaesque::protocol::messages::create_topics::CreatableTopicConfig {
        name: "max.message.bytes".to_owned(),
        value: text("2000"),
    }];
    let created = create(&mut client, vec![asked]).await.remove(0);
    assert_eq!(created.error_code, 0, "{created:?}");
    let listed = created.configs.expect("configs").into_iter().find(|c| c.name == "max.message.bytes");
    assert_eq!(listed.map(|c| (c.value, c.config_source)), Some((text("2000"), DYNAMIC_TOPIC)));

    assert_eq!(value(&mut client, TOPIC, "t", "max.message.bytes").await, (text("2000"), DYNAMIC_TOPIC));
    assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, (text("1000"), STATIC_BROKER));
    assert_eq!(value(&mut client, TOPIC, "t", "cleanup.policy").await, (text("delete"), DEFAULT));
    assert_eq!(change(&mut client, BROKER, "", &[("log.retention.ms", SET, Some("5000"))]).await, 0);
    assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, (text("5000"), DYNAMIC_DEFAULT_BROKER));
    assert_eq!(change(&mut client, TOPIC, "t", &[("retention.ms", SET, Some("7000"))]).await, 0);
    let all = described(&mut client, TOPIC, "t").await.configs;
    let retention = all.into_iter().find(|c| c.name == "retention.ms").expect("retention.ms");
    let sources: Vec<i8> = retention.synonyms.iter().map(|s| s.source).collect();
    assert_eq!(retention.value, text("7000"));
    assert_eq!(sources[..3], [DYNAMIC_TOPIC, DYNAMIC_DEFAULT_BROKER, STATIC_BROKER]);
    assert!(retention.documentation.is_some_and(|doc| !doc.is_empty()));
    assert_eq!(change(&mut client, TOPIC, "t", &[("retention.ms", DELETE, None)]).await, 0);
    assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await, (text("5000"), DYNAMIC_DEFAULT_BROKER));
    running.stop().await;
}

#[tokio::test]
async fn lists_are_appended_to_and_subtracted_from() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    let name = "leader.replication.throttled.replicas";
    for (op, operand, expected) in [
        (APPEND, "0:0", "0:0"),
        (APPEND, "1:0", "0:0,1:0"),
        (APPEND, "0:0", "0:0,1:0"),
        (SUBTRACT, "0:0", "1:0"),
    ] {
        assert_eq!(change(&mut client, TOPIC, "t", &[(name, op, Some(operand))]).await, 0);
        assert_eq!(value(&mut client, TOPIC, "t", name).await.0, text(expected));
    }
    running.stop().await;
}

#[tokio::test]
async fn bad_changes_are_refused_and_change_nothing() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    let cases: &[(i8, &str, &[Changed<'_>], ErrorCode)] = &[
        (TOPIC, "t", &[("no.such.config", SET, Some("1"))], ErrorCode::InvalidConfig),
        (TOPIC, "t", &[("retention.ms", SET, Some("soon"))], ErrorCode::InvalidConfig),
        (TOPIC, "t", &[("retention.ms", SET, None)], ErrorCode::InvalidRequest),
        (TOPIC, "t", &[("retention.ms", 9, Some("1"))], ErrorCode::InvalidRequest),
        (TOPIC, "t", &[("retention.ms", APPEND, Some("1"))], ErrorCode::InvalidConfig),
        (
            TOPIC,
            "t",
            &[("retention.ms", SET, Some("1")), ("retention.ms", SET, Some("2"))],
            ErrorCode::InvalidRequest,
        ),
        (TOPIC, "t", &[("retention.ms", SET, Some("1")), ("nope", SET, Some("2"))], ErrorCode::InvalidConfig),
        (TOPIC, "none", &[("retention.ms", SET, Some("1"))], ErrorCode::UnknownTopicOrPartition),
        (BROKER, "5", &[("log.retention.ms", SET, Some("1"))], ErrorCode::InvalidRequest),
        (77, "t", &[("retention.ms", SET, Some("1"))], ErrorCode::InvalidRequest),
    ];
    for (kind, name, changes, expected) in cases {
        let code = change(&mut client, *kind, name, changes).await;
        assert_eq!(code, expected.code(), "{kind} {name} {changes:?}");
    }
    assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await.1, DEFAULT);
    running.stop().await;
}

#[tokio::test]
async fn replacing_sets_exactly_what_is_named() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    assert_eq!(change(&mut client, TOPIC, "t", &[("retention.ms", SET, Some("7000"))]).await, 0);
    let config = alter_configs::AlterableConfig { name: "retention.bytes".to_owned(), value: text("9") };
    let resource = alter_configs::AlterConfigsResource {
        resource_type: TOPIC,
        resource_name: "t".to_owned(),
        configs: vec![config],
    };
    let mut request = alter_configs::Request { resources: vec![resource], validate_only: true };
    assert_eq!(client.ask(&request, 2).await.responses[0].error_code, 0);
    assert_eq!(value(&mut client, TOPIC, "t", "retention.bytes").await.1, DEFAULT, "only validated");
    request.validate_only = false;
    assert_eq!(client.ask(&request, 2).await.responses[0].error_code, 0);
    assert_eq!(value(&mut client, TOPIC, "t", "retention.bytes").await, (text("9"), DYNAMIC_TOPIC));
    assert_eq!(value(&mut client, TOPIC, "t", "retention.ms").await.1, DEFAULT);
    running.stop().await;
}

#[tokio::test]
async fn tools_find_what_they_ask_a_broker_for() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let broker = described(&mut client, BROKER, "0").await;
    assert_eq!(broker.error_code, 0);
    for name in [
        "num.partitions",
        "default.replication.factor",
        "auto.create.topics.enable",
        "log.retention.ms",
        "log.retention.hours",
        "message.max.bytes",
        "advertised.listeners",
        "log.dirs",
    ] {
        assert!(broker.configs.iter().any(|c| c.name == name), "{name} is missing");
    }
    let resources = client.ask(&list_config_resources::Request::default(), 1).await;
    assert!(
        resources
            .config_resources
            .iter()
            .any(|r| (r.resource_type, r.resource_name.as_str()) == (BROKER, "0"))
    );
    running.stop().await;
}

#[tokio::test]
async fn the_most_connections_change_while_the_broker_runs() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let asked = describe_configs::Request::default();
    let most = async |client: &mut Client, name: &str, value: &str| {
        change(client, BROKER, name, &[("max.connections", SET, Some(value))]).await
    };
    assert_eq!(
        most(&mut client, "", "0").await,
        ErrorCode::InvalidRequest.code(),
        "nobody could raise it again"
    );
    assert_eq!(most(&mut client, "", "1").await, ErrorCode::None.code());
    assert_eq!(value(&mut client, BROKER, "0", "max.connections").await.0, text("1"));
    let mut late = running.client().await;
    late.send(&asked, 4).await;
    assert_eq!(late.frame().await, None, "one too many");
    assert_eq!(most(&mut client, "0", "2").await, ErrorCode::None.code());
    running.client().await.ask(&asked, 4).await;
    running.stop().await;
}
