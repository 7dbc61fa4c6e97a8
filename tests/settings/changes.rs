//! Which changes of brokers' configs are taken, against a running Apache Kafka broker.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use kafkaesque::settings::{
    self, BrokerLayers, Definition, Scope, Status, Target, keeps_birthright, validate, validate_step,
};

use crate::kafka::{Kafka, refuse};

/// Changes that Kafka refuses and we take, with why.
const TAKEN_HERE: &[(&str, &str)] = &[
    ("max.connections.per.ip.overrides", "Kafka does not take the default that it has itself"),
    ("metric.reporters", "a class that is there may be taken out"),
    ("log.local.retention.ms", "without a local tier it agrees with any retention"),
];

/// The only broker of the comparison.
const BROKER: &str = "1";

fn values(definition: &Definition) -> BTreeSet<String> {
    use settings::Type::{Boolean, Class, Double, Int, List, Long, Password, Short, String as Text};
    let typical: &[&str] = match definition.kind {
        Boolean => &["true", "false", "maybe"],
        Int | Long | Short => &["-1", "0", "1", "2", "3", "4", "5", "16", "17", "2000000", "x"],
        Double => &["0.7", "x"],
        Text | List | Class => &["x", ""],
        Password => &["secret"],
    };
    typical.iter().copied().chain(definition.default).map(str::to_owned).chain(["\\N".to_owned()]).collect()
}

/// The name of the error code that we answer with.
fn ours(target: Target, definition: &Definition, value: &str, layers: &BrokerLayers<'_>) -> &'static str {
    let name = definition.name;
    let is_taken_away = value == "\\N";
    if !is_taken_away
        && validate(target, name, value).and_then(|_| validate_step(name, value, layers)).is_err()
    {
        return "INVALID_REQUEST";
    }
    match keeps_birthright(target, name, !is_taken_away) {
        Ok(()) => "ok",
        Err(_) => "INVALID_CONFIG",
    }
}

#[test]
fn changes_of_brokers_configs_are_taken_as_a_running_kafka_takes_them() {
    let Some(kafka) = Kafka::find("changes of brokers' configs against a running Kafka") else { return };
    let broker = kafka.start();
    let mut asked = Vec::new();
    let mut questions = String::new();
    for definition in settings::definitions(Scope::Broker) {
        for value in values(definition) {
            for (target, resource) in [(Target::Broker, BROKER), (Target::Cluster, "")] {
                let _ = writeln!(questions, "{resource}\t{}\t{value}", definition.name);
                asked.push((target, definition, value.clone()));
            }
        }
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), questions).expect("written");
    let verdicts = kafka.facts(&["changes", &broker.address(), file.path().to_str().expect("text")]);
    assert_eq!(verdicts.len(), asked.len());

    let fixed: BTreeMap<String, String> = BTreeMap::new();
    let layers = BrokerLayers { broker: &(), cluster: &(), fixed: &fixed };
    let mut differences = Vec::new();
    for ((target, definition, value), verdict) in asked.iter().zip(&verdicts) {
        let ours = ours(*target, definition, value, &layers);
        let theirs = verdict[0].as_deref().unwrap_or_default();
        let is_not_obeyed_yet = matches!(definition.status, Status::NotYet(_));
        let is_listed = |list: &[(&str, &str)]| list.iter().any(|(name, _)| *name == definition.name);
        let permitted = match (ours, theirs) {
            ("INVALID_REQUEST", "ok") => is_not_obeyed_yet,
            ("ok", _) => is_listed(TAKEN_HERE),
            _ => false,
        };
        if ours != theirs && !permitted {
            differences
                .push(format!("{target:?} {}={value:?}: ours {ours}, Kafka's {theirs}", definition.name));
        }
    }
    println!("{} changes compared", asked.len());
    refuse(&differences);
}
