//! A message as JSON, in the shape of Kafka's own converters.

use std::convert::Infallible;

use bytes::Bytes;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use kafkaesque::protocol::codec::{Entity, Field, Kind, Message, Records, Sink, Value};

/// The fields of `version`; tagged ones only when they differ from their defaults.
pub fn show<M: Message>(message: &M, version: i16) -> Json {
    let mut printer = Printer { version, fields: Map::new(), value: Json::Null };
    let Ok(()) = printer.entity(Some(message), false);
    printer.value
}

struct Printer {
    version: i16,
    /// Of the entity being printed.
    fields: Map<String, Json>,
    /// Printed last.
    value: Json,
}

impl Printer {
    fn done(&mut self, value: impl Into<Json>) -> Result<(), Infallible> {
        self.value = value.into();
        Ok(())
    }
}

/// `topic_id` as `topicId`.
fn camel(name: &str) -> String {
    let mut camel = String::new();
    for word in name.trim_start_matches("r#").split('_') {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if !camel.is_empty() => camel.extend(first.to_uppercase()),
            first => camel.extend(first),
        }
        camel.push_str(letters.as_str());
    }
    camel
}

const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64(bytes: &[u8], alphabet: &[u8; 64], padded: bool) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for n in 0..4 {
            match n <= group.len() {
                true => text.push(alphabet[(bits >> (18 - 6 * n) & 63) as usize].into()),
                false if padded => text.push('='),
                false => {}
            }
        }
    }
    text
}

impl Sink for Printer {
    type Error = Infallible;

    fn field<T: Value>(&mut self, field: &'static Field, value: &T) -> Result<(), Infallible> {
        if !field.versions.contains(self.version) || field.tag.is_some() && value.is_initial(field.initial) {
            return Ok(());
        }
        value.write(self, false)?;
        let mut name = camel(field.name);
        if matches!(field.kind, Kind::Records) && !self.value.is_null() {
            name.push_str("SizeInBytes");
        }
        self.fields.insert(name, self.value.take());
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
        self.done(value)
    }

    fn int64(&mut self, value: i64) -> Result<(), Infallible> {
        self.done(value)
    }

    fn float64(&mut self, value: f64) -> Result<(), Infallible> {
        match value {
            f64::INFINITY => self.done("Infinity"),
            f64::NEG_INFINITY => self.done("-Infinity"),
            value if value.is_nan() => self.done("NaN"),
            value => self.done(value),
        }
    }

    fn uuid(&mut self, value: Uuid) -> Result<(), Infallible> {
        self.done(base64(value.as_bytes(), FOR_URLS, false))
    }

    fn string(&mut self, value: Option<&str>, _: bool) -> Result<(), Infallible> {
        self.done(value)
    }

    fn bytes(&mut self, value: Option<&Bytes>, _: bool) -> Result<(), Infallible> {
        self.done(value.map(|bytes| base64(bytes, PLAIN, true)))
    }

    fn records(&mut self, value: Option<&Records>, _: bool) -> Result<(), Infallible> {
        self.done(value.map(Records::len))
    }

    fn array<T: Value>(&mut self, value: Option<&[T]>, _: bool) -> Result<(), Infallible> {
        let Some(list) = value else { return self.done(Json::Null) };
        let mut printed = Vec::new();
        for element in list {
            element.write(self, false)?;
            printed.push(self.value.take());
        }
        self.done(printed)
    }

    fn entity<E: Entity>(&mut self, value: Option<&E>, _: bool) -> Result<(), Infallible> {
        let Some(entity) = value else { return self.done(Json::Null) };
        let outer = std::mem::take(&mut self.fields);
        entity.write(self)?;
        let fields = std::mem::replace(&mut self.fields, outer);
        self.done(fields)
    }
}
