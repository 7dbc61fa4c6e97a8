//! Which values are refused, and in which words, against Kafka's validators.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kafkaesque::settings::{self, Definition, Scope, Type, Validator};

use crate::kafka::{Kafka, refuse};

/// Where we differ on purpose: config, value, and why.
const PERMITTED: &[(&str, &str, &str)] = &[
    ("process.roles", "*", "the process itself says it; nobody can set it"),
    ("principal.builder.class", "*", "no class can be looked up here; any but the default is refused"),
    ("ssl.engine.factory.class", "*", "no class can be looked up here; any is refused"),
    ("share.auto.offset.reset", "*", "share groups are refused in any case; their ranges come with them"),
];

const VALUES: &[&str] = &[
    "",
    " ",
    "abc",
    "true",
    "TRUE",
    "False",
    "0",
    "1",
    "-1",
    "-2",
    "+5",
    " 7 ",
    "3.5",
    "0.5",
    "1.0000001",
    "-0.5",
    "1e2",
    "0x10",
    "1_000",
    "32767",
    "32768",
    "2147483647",
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "delete",
    "compact",
    "compact,delete",
    "delete, compact",
    "delete,delete",
    "Delete",
    ",",
    "delete,",
    ",delete",
    "gzip",
    "GZIP",
    " gzip ",
    "none",
    "uncompressed",
    "producer",
    "CreateTime",
    "createtime",
    "LogAppendTime",
    "*",
    "*,0:1",
    "0:1",
    "0:1,1:2",
    "0:1, 1:2",
    "0:x",
    "0:",
    ":1",
    "-1:1",
    "0:1:2",
    "read_committed",
    "READ_COMMITTED",
];

/// The ends of a range, and one beyond each.
fn ends(definition: &Definition) -> Vec<String> {
    let ends = match definition.validator {
        Validator::AtLeast(least) => vec![least],
        Validator::Between(least, most) => vec![least, most],
        Validator::GzipLevel => vec![-1, 1, 9],
        _ => Vec::new(),
    };
    ends.into_iter().flat_map(|end| [end - 1, end, end + 1]).map(|number| number.to_string()).collect()
}

#[test]
fn values_are_refused_in_kafkas_words() {
    let Some(kafka) = Kafka::find("values against Kafka's validators") else { return };
    let mut asked = Vec::new();
    let mut questions = String::new();
    for (name, scope) in [("topic", Scope::Topic), ("broker", Scope::Broker), ("group", Scope::Group)] {
        for definition in settings::definitions(scope) {
            let values: BTreeSet<String> =
                VALUES.iter().map(|value| (*value).to_owned()).chain(ends(definition)).collect();
            for value in values {
                let _ = writeln!(questions, "{name}\t{}\t{value}", definition.name);
                asked.push((definition, value));
            }
        }
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), questions).expect("written");
    let verdicts = kafka.facts(&["verdicts", file.path().to_str().expect("text")]);
    assert_eq!(verdicts.len(), asked.len());

    let mut differences = Vec::new();
    for ((definition, value), verdict) in asked.iter().zip(&verdicts) {
        let ours = match definition.check(value) {
            Ok(_) => "ok".to_owned(),
            Err(refusal) => refusal.message,
        };
        let theirs = verdict[0].as_deref().unwrap_or_default();
        let permitted = |(name, which, _): &(&str, &str, &str)| {
            *name == definition.name && (*which == "*" || *which == value.as_str())
        };
        // Java writes large real numbers in its own way; the words count.
        let words = |verdict: &str| match definition.kind {
            Type::Double => {
                verdict.split_once(" for configuration ").map_or(verdict, |(_, words)| words).to_owned()
            }
            _ => verdict.to_owned(),
        };
        if words(&ours) != words(theirs) && !PERMITTED.iter().any(permitted) {
            differences.push(format!("{}={value:?}: we say {ours:?}, Kafka {theirs:?}", definition.name));
        }
    }
    refuse(&differences);
}
