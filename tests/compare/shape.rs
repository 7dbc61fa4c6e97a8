//! A message as JSON that can be compared: what a broker chose by itself (topic ids, ports) has a name of its own, lists
//! without an order are sorted, and records are told one by one.

use std::collections::BTreeMap;
use std::convert::Infallible;

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::vocabulary::NO_TOPIC;
use kafkaesque::protocol::batch::{self, Batch};
use kafkaesque::protocol::codec::{Entity, Field, Message, Records, Sink, Value};

/// What a broker's own values are called.
#[derive(Default, Clone)]
pub struct Names {
    /// Topic ids, and the topics.
    pub topics: BTreeMap<Uuid, String>,
    /// Ids that it gave to members, and who they are.
    pub members: BTreeMap<String, String>,
    pub port: i32,
}

/// The fields that tell the elements of a list apart, so that the list's order says nothing.
const IDENTITY: &[&str] = &[
    "name",
    "topic",
    "topic_name",
    "topic_id",
    "resource_type",
    "resource_name",
    "partition_index",
    "partition",
    "index",
    "group_id",
    "member_id",
    "group_instance_id",
    "api_key",
    "key",
    "feature",
    "node_id",
    "broker_id",
    "log_dir",
    "user",
    "entity",
    "entity_type",
    "transactional_id",
    "mechanism",
];

/// The fields of `version`, as they stand.
pub fn show<M: Message>(message: &M, version: i16, names: &Names) -> Json {
    print(message, version, names, false)
}

/// The fields of `version`, what is said in parts made one.
pub fn show_united<M: Message>(message: &M, version: i16, names: &Names) -> Json {
    print(message, version, names, true)
}

fn print<M: Message>(message: &M, version: i16, names: &Names, unites: bool) -> Json {
    let mut printer = Printer { version, names, unites, field: "", fields: Map::new(), value: Json::Null };
    let Ok(()) = printer.entity(Some(message), false);
    printer.value
}

/// What tells `element` from the others of its list; empty when nothing does.
pub fn identity(element: &Json) -> String {
    let fields = IDENTITY.iter().filter_map(|name| element.get(name).map(|value| format!("{name}={value}")));
    fields.collect::<Vec<_>>().join(" ")
}

struct Printer<'a> {
    version: i16,
    names: &'a Names,
    unites: bool,
    /// The field whose value is being printed.
    field: &'static str,
    /// Of the entity being printed.
    fields: Map<String, Json>,
    /// Printed last.
    value: Json,
}

impl Printer<'_> {
    fn done(&mut self, value: impl Into<Json>) -> Result<(), Infallible> {
        self.value = value.into();
        Ok(())
    }
}

impl Sink for Printer<'_> {
    type Error = Infallible;

    fn field<T: Value>(&mut self, field: &'static Field, value: &T) -> Result<(), Infallible> {
        if !field.versions.contains(self.version) {
            return Ok(());
        }
        let name = field.name.trim_start_matches("r#");
        let outer = std::mem::replace(&mut self.field, name);
        value.write(self, false)?;
        self.field = outer;
        self.fields.insert(name.to_owned(), self.value.take());
        Ok(())
    }

    fn boolean(&mut self, value: bool) -> Result<(), Infallible> {
        self.done(value)
    }

    fn int8(&mut self, value: i8) -> Result<(), Infallible> {
        self.done(value)
    }

    fn int16(&mut self, value: i16) -> Result<(), Infallible> {
        self.done(value)
    }

    fn uint16(&mut self, value: u16) -> Result<(), Infallible> {
        self.done(value)
    }

    fn int32(&mut self, value: i32) -> Result<(), Infallible> {
        match value == self.names.port {
            true => self.done("the broker's port"),
            false => self.done(value),
        }
    }

    fn int64(&mut self, value: i64) -> Result<(), Infallible> {
        self.done(value)
    }

    fn float64(&mut self, value: f64) -> Result<(), Infallible> {
        self.done(value)
    }

    fn uuid(&mut self, value: Uuid) -> Result<(), Infallible> {
        match self.names.topics.get(&value) {
            Some(topic) => self.done(format!("the id of {topic}")),
            None if value.is_nil() || value == NO_TOPIC => self.done(value.to_string()),
            None => self.done("a new topic's id"),
        }
    }

    fn string(&mut self, value: Option<&str>, _: bool) -> Result<(), Infallible> {
        if self.field == "log_dir" {
            return self.done("the broker's folder");
        }
        if let Some(member) = value.and_then(|text| self.names.members.get(text)) {
            return self.done(format!("the id of {member}"));
        }
        match value.and_then(named_for) {
            Some(name) => self.done(format!("a new member's id for {name}")),
            None => self.done(value),
        }
    }

    fn bytes(&mut self, value: Option<&Bytes>, _: bool) -> Result<(), Infallible> {
        self.done(value.map(|bytes| format!("{bytes:?}")))
    }

    fn records(&mut self, value: Option<&Records>, _: bool) -> Result<(), Infallible> {
        self.done(value.map(|records| batches(&records.clone().into_bytes())))
    }

    fn array<T: Value>(&mut self, value: Option<&[T]>, _: bool) -> Result<(), Infallible> {
        let Some(list) = value else { return self.done(Json::Null) };
        let mut printed = Vec::new();
        for element in list {
            element.write(self, false)?;
            printed.push(self.value.take());
        }
        // Sets, in the order that a hash map has.
        if ["subscribed_topic_names", "partitions"].contains(&self.field) {
            printed.sort_by_cached_key(Json::to_string);
        }
        printed.sort_by_cached_key(identity);
        self.done(if self.unites { united(printed) } else { printed })
    }

    fn entity<E: Entity>(&mut self, value: Option<&E>, _: bool) -> Result<(), Infallible> {
        let Some(entity) = value else { return self.done(Json::Null) };
        let outer = std::mem::take(&mut self.fields);
        entity.write(self)?;
        let fields = std::mem::replace(&mut self.fields, outer);
        self.done(fields)
    }
}

/// A sorted list whose elements of one identity are one: Kafka tells a topic in parts if some of its partitions failed,
/// and what was asked twice once or twice, as the API has it.
fn united(list: Vec<Json>) -> Vec<Json> {
    let mut united: Vec<Json> = Vec::with_capacity(list.len());
    for element in list {
        match united.last_mut().filter(|last| is_same(last, &element)) {
            Some(last) => unite(last, element),
            None => united.push(element),
        }
    }
    united
}

/// Whether nothing but inner lists may differ.
fn is_same(one: &Json, other: &Json) -> bool {
    let fields = |element: &Json| match element {
        Json::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_array())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Vec<_>>(),
        _ => vec![(String::new(), element.clone())],
    };
    !identity(one).is_empty() && identity(one) == identity(other) && fields(one) == fields(other)
}

fn unite(one: &mut Json, other: Json) {
    let (Json::Object(fields), Json::Object(others)) = (one, other) else { return };
    for (name, value) in others {
        if let (Some(Json::Array(list)), Json::Array(more)) = (fields.get_mut(&name), value) {
            list.extend(more);
            list.sort_by_cached_key(|element| (identity(element), element.to_string()));
            list.dedup();
        }
    }
}

/// What a new member id begins with: the client's or the instance's id.
fn named_for(text: &str) -> Option<&str> {
    const UUID: usize = 36;
    let (name, id) = text.split_at_checked(text.len().checked_sub(UUID)?)?;
    Uuid::parse_str(id).is_ok().then(|| name.strip_suffix('-'))?
}

/// Every whole batch: its header without the checksum (which covers it) and each record.
fn batches(bytes: &Bytes) -> Json {
    let mut rest = bytes.clone();
    let mut shown = Vec::new();
    while let Ok(batch) = Batch::parse(&rest) {
        rest = rest.slice(batch.len()..);
        let mut header = batch.header.clone();
        header.crc = 0;
        let records: Vec<String> =
            batch::Records::new(&batch.header, &batch.payload).map(|record| format!("{record:?}")).collect();
        shown.push(json!({ "header": format!("{header:?}"), "records": records }));
    }
    shown.push(json!({ "bytes of a batch cut off": rest.len() }));
    shown.into()
}
