//! Requests out of a seed, the same for both brokers but for the topic ids that each of them gave.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use kafkaesque::protocol::batch::{Builder, NewRecord};
use kafkaesque::protocol::codec::{Entity, Field, Records, Source, Value};

use crate::vocabulary::{self, FIRST_TIMESTAMP, FRESH, NO_TOPIC, TOPICS, Words};

type Made<T> = Result<T, Infallible>;

/// Topic ids of one broker.
pub type Ids<'a> = &'a dyn Fn(&str) -> Uuid;

/// Fills one request.
pub struct Generator<'a> {
    rng: StdRng,
    version: i16,
    seed: u64,
    /// No other request has it.
    serial: u64,
    ids: Ids<'a>,
    /// The names of the fields down to the value, the API's first.
    place: Vec<&'static str>,
    /// Position in each of the lists around the value.
    positions: Vec<usize>,
    /// Whether bad words are wanted.
    is_bad: bool,
    /// Bad words used.
    pub spoilt: usize,
}

impl<'a> Generator<'a> {
    pub fn new(api: &'static str, version: i16, seed: u64, serial: u64, is_bad: bool, ids: Ids<'a>) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        let (place, positions) = (vec![api], Vec::new());
        Generator { rng, version, seed, serial, ids, place, positions, is_bad, spoilt: 0 }
    }

    fn place(&self) -> String {
        self.place.join("/")
    }

    fn spoils(&mut self) -> bool {
        self.is_bad && self.rng.random_ratio(1, 3)
    }

    /// A word. In a list each element takes another one, and all fields of an element the one at the same position.
    fn pick<T: Copy>(&mut self, words: Words<T>) -> Option<T> {
        if !words.bad.is_empty() && self.spoils() {
            self.spoilt += 1;
            return Some(words.bad[self.rng.random_range(0..words.bad.len())]);
        }
        let free = self.rng.random::<u32>() as usize;
        let start = match self.positions.last() {
            None => free,
            Some(position) => {
                let mut hasher = DefaultHasher::new();
                (self.seed, self.positions.len()).hash(&mut hasher);
                (hasher.finish() >> 8) as usize + position
            }
        };
        (!words.good.is_empty()).then(|| words.good[start % words.good.len()])
    }

    fn number(&mut self) -> i64 {
        let words = vocabulary::numbers(&self.place());
        self.pick(words).unwrap_or_default()
    }

    fn is_null(&mut self, nullable: bool) -> bool {
        nullable && !vocabulary::is_never_null(&self.place()) && self.rng.random_ratio(1, 5)
    }

    fn batch(&mut self) -> Bytes {
        let mut builder = Builder::new();
        for n in 0..self.rng.random_range(1..4) {
            let value = format!("value {n} of request {}", self.serial);
            let timestamp = FIRST_TIMESTAMP + n;
            let (key, value) = (Some(&b"key"[..]), Some(value.as_bytes()));
            builder = builder.record(&NewRecord { timestamp, key, value, ..NewRecord::default() });
        }
        builder.build().expect("a batch without compression").to_bytes()
    }
}

impl Source for Generator<'_> {
    type Error = Infallible;

    fn field<T: Value>(&mut self, field: &'static Field, slot: &mut T) -> Made<()> {
        if !field.versions.contains(self.version) {
            return Ok(());
        }
        self.place.push(field.name.trim_start_matches("r#"));
        *slot = T::read(self, field.nullable.contains(self.version))?;
        self.place.pop();
        Ok(())
    }

    fn boolean(&mut self) -> Made<bool> {
        Ok(self.rng.random::<bool>() && !vocabulary::is_never_set(&self.place()))
    }

    fn int8(&mut self) -> Made<i8> {
        Ok(self.number() as i8)
    }

    fn int16(&mut self) -> Made<i16> {
        Ok(self.number() as i16)
    }

    fn uint16(&mut self) -> Made<u16> {
        Ok(self.number() as u16)
    }

    fn int32(&mut self) -> Made<i32> {
        Ok(self.number() as i32)
    }

    fn int64(&mut self) -> Made<i64> {
        Ok(self.number())
    }

    fn float64(&mut self) -> Made<f64> {
        Ok(match self.spoils() {
            true => {
                self.spoilt += 1;
                -1.0
            }
            false => 1000.0,
        })
    }

    fn uuid(&mut self) -> Made<Uuid> {
        if self.place.last() == Some(&"replica_directory_id") {
            return Ok(Uuid::nil());
        }
        const NAMES: &[&str] = &[TOPICS[0].0, TOPICS[1].0, TOPICS[2].0];
        const BAD: &[&str] = &["of no topic", ""];
        // Where a topic may be named instead, it is.
        let is_named = matches!(self.place[0], "Metadata" | "DeleteTopics");
        let name = self.pick(Words { good: if is_named { &[""] } else { NAMES }, bad: BAD });
        Ok(match name {
            None | Some("") => Uuid::nil(),
            Some("of no topic") => NO_TOPIC,
            Some(name) => (self.ids)(name),
        })
    }

    fn string(&mut self, nullable: bool) -> Made<Option<String>> {
        let place = self.place();
        let null = self.is_null(nullable) && !place.starts_with("DeleteTopics/topics/name");
        let mut words = vocabulary::strings(&place);
        // Kafka never answers to two protocols without a name.
        if place == "JoinGroup/protocols/name" && self.positions.last() != Some(&0) {
            words.bad = &[];
        }
        let word = match self.pick(words) {
            None => return Ok((!nullable).then(String::new)),
            Some(FRESH) => format!("{FRESH}{}-{}", self.serial, self.positions.last().unwrap_or(&0)),
            Some(word) => word.to_owned(),
        };
        Ok((!null).then_some(word))
    }

    fn bytes(&mut self, nullable: bool) -> Made<Option<Bytes>> {
        let null = self.is_null(nullable);
        Ok((!null).then(|| Bytes::from_static(b"some bytes")))
    }

    fn records(&mut self, _: bool) -> Made<Option<Records>> {
        let batch = self.batch();
        if !self.spoils() {
            return Ok(Some(batch.into()));
        }
        self.spoilt += 1;
        let mut bytes = batch.to_vec();
        // Not null, to which Kafka never answers.
        match self.rng.random_range(0..3) {
            0 => bytes.clear(),
            1 => bytes.truncate(bytes.len() - 3),
            _ => *bytes.last_mut().expect("a batch is not empty") ^= 0x55,
        }
        Ok(Some(Bytes::from(bytes).into()))
    }

    fn array<T: Value>(&mut self, nullable: bool) -> Made<Option<Vec<T>>> {
        if self.is_null(nullable) {
            return Ok(None);
        }
        // Kafka leaves out topics without partitions: only the outermost lists are empty.
        let least = usize::from(self.place.len() > 2 || vocabulary::is_never_empty(&self.place()));
        let count = self.rng.random_range(least..3);
        let mut list = Vec::with_capacity(count);
        for position in 0..count {
            self.positions.push(position);
            list.push(T::read(self, false)?);
            self.positions.pop();
        }
        Ok(Some(list))
    }

    fn entity<E: Entity>(&mut self, nullable: bool) -> Made<Option<E>> {
        if self.is_null(nullable) {
            return Ok(None);
        }
        let mut entity = E::default();
        entity.read(self)?;
        Ok(Some(entity))
    }
}
