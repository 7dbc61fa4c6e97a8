//! Our declarations beside Kafka's message definitions, line by line, in both directions.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use kafkaesque::protocol::codec::{EntitySchema, Initial, Kind, Versions};
use kafkaesque::protocol::{ApiKey, messages};

use crate::catalog;
use crate::kafka::Kafka;

#[test]
fn declarations_are_kafkas_definitions() {
    let Some(mut kafka) = Kafka::start("declarations_are_kafkas_definitions") else { return };
    let definitions: Vec<Json> =
        kafka.ask("definitions").unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let theirs: BTreeMap<&str, Vec<String>> = definitions
        .iter()
        .filter(|json| is_ours(json))
        .map(|json| (text(json, "name"), theirs(json)))
        .collect();
    let ours: BTreeMap<&str, Vec<String>> =
        catalog::ALL.iter().map(|entry| (entry.name.as_str(), ours(entry))).collect();
    assert_eq!(Vec::from_iter(ours.keys()), Vec::from_iter(theirs.keys()));
    let mut fields = 0;
    for (name, lines) in &ours {
        assert_eq!(lines.join("\n"), theirs[name].join("\n"), "{name}");
        fields += lines.len() - 1;
    }
    println!("{} messages, {fields} fields", ours.len());
}

/// Whether a definition should have a declaration here: APIs for clients, and the classic consumer protocol.
fn is_ours(json: &Json) -> bool {
    match json["apiKey"].as_i64() {
        Some(key) => i16::try_from(key)
            .ok()
            .and_then(ApiKey::from_key)
            .is_some_and(|key| key.is_for_clients() || messages::api(key).is_some()),
        None => text(json, "name").starts_with("ConsumerProtocol"),
    }
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

/// What is common to the versions of a field and those of what it stands in.
fn both(a: Versions, b: Versions) -> Versions {
    let common = Versions::new(a.first.max(b.first), a.last.min(b.last));
    if common.is_empty() { Versions::NONE } else { common }
}

fn show(versions: Versions) -> String {
    match versions {
        none if none.is_empty() => "none".to_owned(),
        Versions { first, last } => format!("{first}-{last}"),
    }
}

/// One field as a line. `versions` and `nullable` are those that can occur at all.
struct Line {
    path: String,
    kind: String,
    versions: Versions,
    nullable: Versions,
    tag: Option<i64>,
    ignorable: bool,
    initial: Initial,
}

impl Line {
    fn text(self) -> String {
        // Without a version that allows null, a default of null cannot be told from none.
        let initial = if self.nullable.is_empty() && self.initial == Initial::Null {
            Initial::Zero
        } else {
            self.initial
        };
        let Line { path, kind, tag, ignorable, .. } = &self;
        let (versions, nullable) = (show(self.versions), show(self.nullable));
        format!("{path}: {kind} {versions} null {nullable} tag {tag:?} ignorable {ignorable} = {initial:?}")
    }
}

fn message_line(versions: Versions, flexible: Versions) -> String {
    format!("versions {} flexible {}", show(versions), show(both(versions, flexible)))
}

fn ours(entry: &catalog::Entry) -> Vec<String> {
    let versions = entry.schema.versions;
    let mut lines = vec![message_line(versions, entry.schema.flexible)];
    our_fields(entry.schema.entity, "", versions, &mut lines);
    lines
}

fn our_fields(entity: &EntitySchema, path: &str, around: Versions, lines: &mut Vec<String>) {
    for field in entity.fields {
        let versions = both(field.versions, around);
        let path = format!("{path}/{}", field.name.trim_start_matches("r#"));
        let line = Line {
            path: path.clone(),
            kind: kind_name(&field.kind),
            versions,
            nullable: both(field.nullable, versions),
            tag: field.tag.map(i64::from),
            ignorable: field.ignorable,
            initial: field.initial,
        };
        lines.push(line.text());
        match field.kind {
            Kind::Struct(inner) | Kind::Array(&Kind::Struct(inner)) => {
                our_fields(inner, &path, versions, lines)
            }
            _ => {}
        }
    }
}

fn kind_name(kind: &Kind) -> String {
    match kind {
        Kind::Array(element) => format!("[]{}", kind_name(element)),
        Kind::Struct(entity) => entity.name.to_owned(),
        plain => format!("{plain:?}").to_lowercase(),
    }
}

fn theirs(json: &Json) -> Vec<String> {
    let versions = parse(text(json, "validVersions"));
    let mut lines = vec![message_line(versions, parse(text(json, "flexibleVersions")))];
    let shared: BTreeMap<&str, &Json> = json["commonStructs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|inner| (text(inner, "name"), &inner["fields"]))
        .collect();
    their_fields(&json["fields"], &shared, "", versions, &mut lines);
    lines
}

fn their_fields(
    fields: &Json,
    shared: &BTreeMap<&str, &Json>,
    path: &str,
    around: Versions,
    lines: &mut Vec<String>,
) {
    for field in fields.as_array().into_iter().flatten() {
        let versions = both(parse(text(field, "versions")), around);
        if versions.is_empty() {
            continue;
        }
        let tagged = text(field, "taggedVersions");
        assert!(
            tagged.is_empty() || tagged == text(field, "versions"),
            "tagged in some versions only: {field}"
        );
        let path = format!("{path}/{}", snake(text(field, "name")));
        let kind = text(field, "type");
        let line = Line {
            path: path.clone(),
            kind: kind.to_owned(),
            versions,
            nullable: both(parse(text(field, "nullableVersions")), versions),
            tag: field["tag"].as_i64(),
            ignorable: field["ignorable"] == true || field["ignorable"] == "true",
            initial: initial(field),
        };
        lines.push(line.text());
        let inner = match &field["fields"] {
            Json::Null => shared.get(kind.trim_start_matches("[]")).copied(),
            inner => Some(inner),
        };
        if let Some(inner) = inner {
            their_fields(inner, shared, &path, versions, lines);
        }
    }
}

/// `3+`, `3-5`, `3`, `none` or nothing.
fn parse(range: &str) -> Versions {
    let number = |digits: &str| digits.parse::<i16>().unwrap();
    match range {
        "" | "none" => Versions::NONE,
        from if from.ends_with('+') => Versions::new(number(from.trim_end_matches('+')), i16::MAX),
        range => match range.split_once('-') {
            Some((first, last)) => Versions::new(number(first), number(last)),
            None => Versions::new(number(range), number(range)),
        },
    }
}

fn initial(field: &Json) -> Initial {
    let default = match &field["default"] {
        Json::Null if field["type"] == "records" => "null".to_owned(),
        Json::Null => String::new(),
        Json::String(text) => text.to_lowercase(),
        other => other.to_string(),
    };
    match default.as_str() {
        "null" => Initial::Null,
        "" | "false" | "0" => Initial::Zero,
        "true" => Initial::Int(1),
        number => Initial::Int(match number.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).unwrap(),
            None => number.parse().unwrap(),
        }),
    }
}

/// `TopicId` as `topic_id`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
