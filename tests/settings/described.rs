//! Described configs against those of a running Apache Kafka broker, before and after changes.

use std::collections::BTreeMap;

use kafkaesque::settings::{
    BrokerLayers, Described, Source, Target, append, describe_broker, describe_cluster, describe_group,
    describe_topic, subtract,
};

use crate::kafka::{Broker, Fact, Kafka, refuse};

type Values = BTreeMap<String, String>;

/// Where the value that we describe differs on purpose, and why. Sources follow from values.
const PERMITTED: &[(&str, &str)] = &[
    ("listener.security.protocol.map", "a listener speaks PLAINTEXT only so far"),
    ("log.dir", "our data has a folder of its own"),
    ("max.connections", "everything has a bound"),
    ("queued.max.request.bytes", "everything has a bound"),
    ("sasl.server.max.receive.size", "strangers get less of the memory"),
    ("offsets.topic.replication.factor", "the object store replicates; one replica set is what is shown"),
    ("broker.id", "Kafka makes it out of node.id; our process settings say it"),
];

/// Broker configs that Kafka can change while running and we cannot.
const FIXED_HERE: &[&str] = &["listener.security.protocol.map", "listeners"];

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What the broker was started with, as far as it is in our table.
fn started_with(broker: &Broker) -> Values {
    let text = std::fs::read_to_string(broker.folder().join("server.properties")).expect("its settings");
    text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

fn source(source: Source) -> &'static str {
    match source {
        Source::DynamicTopic => "DYNAMIC_TOPIC_CONFIG",
        Source::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
        Source::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        Source::StaticBroker => "STATIC_BROKER_CONFIG",
        Source::Default => "DEFAULT_CONFIG",
        Source::Group => "DYNAMIC_GROUP_CONFIG",
    }
}

/// Ours in the shape of a fact, from the config's name on.
fn shown(ours: &Described) -> Fact {
    let flags = [ours.read_only, ours.sensitive].map(|flag| Some(flag.to_string()));
    let mut fact =
        vec![Some(ours.name.to_string()), ours.value.clone(), Some(source(ours.source).to_owned())];
    fact.extend(flags);
    fact.push(Some(ours.kind.name().to_owned()));
    for synonym in &ours.synonyms {
        fact.push(Some(synonym.name.to_string()));
        fact.push(synonym.value.clone());
        fact.push(Some(source(synonym.source).to_owned()));
    }
    fact
}

struct Stage {
    name: &'static str,
    broker: Values,
    cluster: Values,
    group: Values,
}

fn compare(stage: &Stage, fixed: &Values, facts: &[Fact], differences: &mut Vec<String>) {
    let layers = BrokerLayers { broker: &stage.broker, cluster: &stage.cluster, fixed };
    let own = values(&[("retention.ms", "1000"), ("cleanup.policy", "delete"), ("compression.type", "lz4")]);
    let resources = [
        ("topic:plain", describe_topic(&(), &layers), true),
        ("topic:own", describe_topic(&own, &layers), true),
        ("broker:1", describe_broker(&layers), false),
        ("broker:", describe_cluster(&stage.cluster), true),
        ("group:readers", describe_group(&stage.group, &layers), true),
    ];
    for (resource, ours, complete) in resources {
        let theirs: BTreeMap<&str, Fact> = facts
            .iter()
            .filter(|fact| fact[1].as_deref() == Some(stage.name) && fact[2].as_deref() == Some(resource))
            .filter_map(|fact| Some((fact[3].as_deref()?, fact[3..].to_vec())))
            .collect();
        assert!(!theirs.is_empty(), "nothing said of {resource}");
        if complete && ours.len() != theirs.len() {
            differences.push(format!("{resource}: we show {}, Kafka {}", ours.len(), theirs.len()));
        }
        for one in &ours {
            let mut ours = shown(one);
            let Some(theirs) = theirs.get(&*one.name) else {
                differences.push(format!("{resource} {}: Kafka does not show it", one.name));
                continue;
            };
            if FIXED_HERE.contains(&&*one.name) && resource == "broker:1" {
                ours[3] = theirs[3].clone();
            }
            if ours != *theirs && !PERMITTED.iter().any(|(name, _)| *name == &*one.name) {
                differences
                    .push(format!("{} {resource}:\n    ours  {ours:?}\n    Kafka {theirs:?}", stage.name));
            }
        }
    }
}

#[test]
fn configs_are_described_as_a_running_kafka_describes_them() {
    let Some(kafka) = Kafka::find("described configs against a running Kafka") else { return };
    let broker = kafka.start();
    let fixed = started_with(&broker);
    let facts = kafka.facts(&["describe", &broker.address()]);
    // A fresh Kafka with eligible leader replicas sets this itself.
    let given = ("min.insync.replicas", "1");
    let fresh =
        Stage { name: "fresh", broker: Values::new(), cluster: values(&[given]), group: Values::new() };
    let changed = Stage {
        name: "changed",
        broker: values(&[("message.max.bytes", "2000000"), ("compression.type", "zstd")]),
        cluster: values(&[
            given,
            ("log.retention.ms", "60000"),
            ("compression.type", "gzip"),
            ("log.roll.ms", "120000"),
        ]),
        group: values(&[("consumer.session.timeout.ms", "50000")]),
    };
    let mut differences = Vec::new();
    for stage in [fresh, changed] {
        compare(&stage, &fixed, &facts, &mut differences);
    }
    merged(&facts, &mut differences);
    refuse(&differences);
}

/// What APPEND and SUBTRACT make of a list, step by step.
fn merged(facts: &[Fact], differences: &mut Vec<String>) {
    let mut current = Values::new();
    let mut steps = 0;
    for fact in facts.iter().filter(|fact| fact[0].as_deref() == Some("merged")) {
        let [name, operation, operand, theirs] =
            [1, 2, 3, 4].map(|field| fact[field].as_deref().unwrap_or_default());
        let merge = if operation == "APPEND" { append } else { subtract };
        let ours = match merge(Target::Topic, name, current.get(name).map(String::as_str), operand) {
            Ok(value) => {
                current.insert(name.to_owned(), value.clone());
                value
            }
            Err(refusal) => refusal.message,
        };
        if ours != theirs {
            differences.push(format!("{name} {operation} {operand}: we make it {ours:?}, Kafka {theirs:?}"));
        }
        steps += 1;
    }
    assert_eq!(steps, 14);
}
