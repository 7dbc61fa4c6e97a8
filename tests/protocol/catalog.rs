//! Every message as a row of functions, so that one test can go over all of them.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::Value as Json;

use kafkaesque::protocol::codec::{DecodeError, Message, MessageSchema, Reader, Source, Versions, Writer};
use kafkaesque::protocol::{consumer, messages};

use crate::json;
use crate::odd::{self, Oddity};
use crate::values::{Random, Sequence};

/// A message in bytes, and as JSON.
pub type Shown = (Bytes, Json);

/// The number of bytes behind a message, and the message as JSON.
pub type Taken = (usize, Json);

/// One message.
pub struct Entry {
    /// Kafka's name, `FetchRequest`.
    pub name: String,
    pub key: Option<i16>,
    pub schema: &'static MessageSchema,
    /// A message of values that count up, in bytes and shown.
    pub sequence: fn(i16) -> Shown,
    /// A message of random values, in bytes and shown.
    pub random: fn(i16, u64) -> Shown,
    /// A message of random values, with something odd about it.
    pub odd: fn(i16, u64, Oddity) -> Vec<u8>,
    /// A message as it starts, in bytes and shown.
    pub initial: fn(i16) -> Shown,
    /// Reads, and does nothing else.
    pub decode: fn(&Bytes, i16) -> Result<(), DecodeError>,
    /// Reads, writes again and shows.
    pub read_back: fn(&Bytes, i16) -> Result<Shown, DecodeError>,
    /// Reads what is in front of other bytes.
    pub take: fn(&Bytes, i16) -> Result<Taken, DecodeError>,
}

impl Entry {
    fn of<M: Message>(name: String, key: Option<i16>) -> Self {
        Entry {
            name,
            key,
            schema: M::MESSAGE,
            sequence: |version| shown(&filled::<M, _>(Sequence::new(version)), version),
            random: |version, seed| shown(&filled::<M, _>(Random::new(version, seed)), version),
            odd: |version, seed, oddity| {
                odd::body(&filled::<M, _>(Random::new(version, seed)), version, oddity, seed)
            },
            initial: |version| shown(&M::default(), version),
            decode: |bytes, version| M::decode(bytes, version).map(drop),
            read_back: |bytes, version| M::decode(bytes, version).map(|message| shown(&message, version)),
            take: |bytes, version| {
                let (message, rest) = M::decode_from(Reader::new(bytes), version)?;
                Ok((rest.remaining(), json::show(&message, version)))
            },
        }
    }

    /// The versions of the message.
    pub fn versions(&self) -> impl Iterator<Item = i16> + use<> {
        let Versions { first, last } = self.schema.versions;
        first..=last
    }

    /// Kafka's class for it.
    pub fn class(&self) -> String {
        if self.key.is_some() { format!("{}Data", self.name) } else { self.name.clone() }
    }
}

fn filled<M: Message, S: Source<Error = std::convert::Infallible>>(mut source: S) -> M {
    let mut message = M::default();
    let Ok(()) = message.read(&mut source);
    message
}

fn shown<M: Message>(message: &M, version: i16) -> Shown {
    let mut out = Writer::default();
    message.encode(&mut out, version).unwrap();
    (out.into_bytes(), json::show(message, version))
}

macro_rules! entries {
    ($( $module:ident $name:ident, )*) => {
        vec![$(
            Entry::of::<messages::$module::Request>(
                concat!(stringify!($name), "Request").to_owned(),
                Some(kafkaesque::protocol::ApiKey::$name.key()),
            ),
            Entry::of::<messages::$module::Response>(
                concat!(stringify!($name), "Response").to_owned(),
                Some(kafkaesque::protocol::ApiKey::$name.key()),
            ),
        )*]
    };
}

/// Every message.
pub static ALL: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut all = kafkaesque::for_each_api!(entries);
    all.push(Entry::of::<consumer::Subscription>("ConsumerProtocolSubscription".to_owned(), None));
    all.push(Entry::of::<consumer::Assignment>("ConsumerProtocolAssignment".to_owned(), None));
    all
});

/// Every version of every message.
pub fn all_versions() -> impl Iterator<Item = (&'static Entry, i16)> {
    ALL.iter().flat_map(|entry| entry.versions().map(move |version| (entry, version)))
}
