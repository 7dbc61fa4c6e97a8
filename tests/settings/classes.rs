//! Names, types, defaults, importance, synonyms and update modes against Kafka's classes.

use std::collections::{BTreeMap, BTreeSet};

use kafkaesque::settings::{self, Definition, Importance, Scope, Update};

use crate::kafka::{Fact, Kafka, refuse};

/// Where we differ on purpose: config, what differs, and why.
const PERMITTED: &[(&str, &str, &str)] = &[
    ("listener.security.protocol.map", "default", "a listener speaks PLAINTEXT only so far"),
    ("log.dir", "default", "our data has a folder of its own"),
    ("max.connections", "default", "everything has a bound"),
    ("queued.max.request.bytes", "default", "everything has a bound"),
    ("sasl.server.max.receive.size", "default", "strangers get less of the memory"),
    (
        "offsets.topic.replication.factor",
        "default",
        "the object store replicates; one replica set is what is shown",
    ),
    ("follower.replication.throttled.rate", "default", "Kafka shows it once it is set, without a default"),
    ("leader.replication.throttled.rate", "default", "Kafka shows it once it is set, without a default"),
    ("listener.security.protocol.map", "update", "listeners are opened once, at start"),
    ("listeners", "update", "listeners are opened once, at start"),
    (
        "replica.alter.log.dirs.io.max.bytes.per.second",
        "default",
        "Kafka shows it once it is set, without a default",
    ),
];

const SCOPES: [(&str, Scope); 3] =
    [("topic", Scope::Topic), ("broker", Scope::Broker), ("group", Scope::Group)];

fn scope(name: &str) -> Scope {
    SCOPES.iter().find(|(known, _)| *known == name).expect("a known scope").1
}

fn importance(importance: Importance) -> &'static str {
    match importance {
        Importance::High => "HIGH",
        Importance::Medium => "MEDIUM",
        Importance::Low => "LOW",
    }
}

/// Fields of a fact, with null as the empty text where that cannot be meant.
fn text(fact: &Fact, field: usize) -> &str {
    fact.get(field).and_then(Option::as_deref).unwrap_or_default()
}

struct Comparison {
    differences: Vec<String>,
    used: BTreeSet<(&'static str, &'static str)>,
}

impl Comparison {
    fn differs(&mut self, name: &str, what: &str, ours: impl std::fmt::Debug, theirs: impl std::fmt::Debug) {
        match PERMITTED.iter().find(|(config, aspect, _)| *config == name && *aspect == what) {
            Some((config, aspect, _)) => {
                self.used.insert((config, aspect));
            }
            None => self.differences.push(format!("{name}: {what} is {ours:?}, Kafka's {theirs:?}")),
        }
    }

    fn definition(&mut self, ours: &Definition, fact: &Fact) {
        let (kind, default) = (text(fact, 3), fact[4].as_deref());
        if ours.kind.name() != kind {
            self.differs(ours.name, "type", ours.kind, kind);
        }
        if ours.default != default {
            self.differs(ours.name, "default", ours.default, default);
        }
        if importance(ours.importance) != text(fact, 5) {
            self.differs(ours.name, "importance", ours.importance, text(fact, 5));
        }
    }
}

#[test]
fn definitions_are_those_of_kafkas_classes() {
    let Some(kafka) = Kafka::find("settings against Kafka's classes") else { return };
    let facts = kafka.facts(&["classes"]);
    let mut comparison = Comparison { differences: Vec::new(), used: BTreeSet::new() };
    let of = |kind: &'static str| facts.iter().filter(move |fact| text(fact, 0) == kind);

    for fact in of("config") {
        match settings::lookup(scope(text(fact, 1)), text(fact, 2)) {
            Some(ours) => comparison.definition(ours, fact),
            // Broker configs of machinery that is not here are left out.
            None if text(fact, 1) == "broker" => {}
            None => comparison.differences.push(format!("{}: missing", text(fact, 2))),
        }
    }
    let known: BTreeSet<(&str, &str)> = of("config").map(|fact| (text(fact, 1), text(fact, 2))).collect();
    for (name, scope) in SCOPES {
        for ours in settings::definitions(scope) {
            if !known.contains(&(name, ours.name)) && !ours.shown_if_set {
                comparison.differences.push(format!("{}: no {name} config of Kafka's", ours.name));
            }
        }
    }

    let modes: BTreeMap<&str, &str> = of("update").map(|fact| (text(fact, 1), text(fact, 2))).collect();
    for ours in settings::definitions(Scope::Broker) {
        let mode = match ours.update {
            Update::ReadOnly => None,
            Update::PerBroker | Update::PerListener => Some("per-broker"),
            Update::ClusterWide => Some("cluster-wide"),
        };
        if mode != modes.get(ours.name).copied() {
            comparison.differs(ours.name, "update", mode, modes.get(ours.name));
        }
    }
    synonyms(&mut comparison, &of("synonym").collect::<Vec<_>>());

    refuse(&comparison.differences);
    let listed: BTreeSet<_> = PERMITTED.iter().map(|(config, aspect, _)| (*config, *aspect)).collect();
    assert_eq!(comparison.used, listed, "a permitted difference is gone");
}

/// The same synonyms in the same order, and each makes the same of the number 2. Synonyms among Kafka's internal configs
/// are left out.
fn synonyms(comparison: &mut Comparison, facts: &[&Fact]) {
    for scope_name in ["topic", "group"] {
        for ours in settings::definitions(scope(scope_name)) {
            let theirs: Vec<(&str, &str)> = facts
                .iter()
                .filter(|fact| text(fact, 1) == scope_name && text(fact, 2) == ours.name)
                .map(|fact| (text(fact, 3), text(fact, 4)))
                .collect();
            let converted: Vec<(&str, String)> =
                ours.synonyms.iter().map(|synonym| (synonym.name, synonym.convert("2"))).collect();
            let ours_shown: Vec<(&str, &str)> =
                converted.iter().map(|(name, value)| (*name, value.as_str())).collect();
            if ours_shown != theirs {
                comparison.differs(ours.name, "synonyms", ours_shown, theirs);
            }
            for synonym in ours.synonyms {
                if settings::lookup(Scope::Broker, synonym.name).is_none() {
                    comparison.differences.push(format!("{}: is no broker config of ours", synonym.name));
                }
            }
        }
    }
}
