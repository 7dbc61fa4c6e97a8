//! Messages full of values: random ones, and ones that count up.

use std::convert::Infallible;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use kafkaesque::protocol::codec::{Entity, Field, Records, Source, Value};

type Made<T> = Result<T, Infallible>;

/// Random values: edges and lengths that need another byte are likelier than chance.
pub struct Random {
    rng: StdRng,
    version: i16,
    /// Elements still to give; keeps a message small.
    elements: usize,
}

impl Random {
    pub fn new(version: i16, seed: u64) -> Self {
        Random { rng: StdRng::seed_from_u64(seed), version, elements: 400 }
    }

    fn is_null(&mut self, nullable: bool) -> bool {
        nullable && self.rng.random_ratio(1, 6)
    }

    fn length(&mut self) -> usize {
        match self.rng.random_range(0..12) {
            0..3 => 0,
            3..11 => self.rng.random_range(1..12),
            _ => self.rng.random_range(120..400),
        }
    }

    fn int(&mut self) -> i64 {
        match self.rng.random_range(0..8) {
            0 => 0,
            1 => -1,
            2 => i64::MAX,
            3 => i64::MIN,
            _ => self.rng.random(),
        }
    }
}

impl Source for Random {
    type Error = Infallible;

    fn field<T: Value>(&mut self, field: &'static Field, slot: &mut T) -> Made<()> {
        let left_out = field.tag.is_some() && self.rng.random_ratio(1, 3);
        if field.versions.contains(self.version) && !left_out {
            *slot = T::read(self, field.nullable.contains(self.version))?;
        }
        Ok(())
    }

    fn boolean(&mut self) -> Made<bool> {
        Ok(self.rng.random())
    }

    fn int8(&mut self) -> Made<i8> {
        Ok(self.int() as i8)
    }

    fn int16(&mut self) -> Made<i16> {
        Ok(self.int() as i16)
    }

    fn uint16(&mut self) -> Made<u16> {
        Ok(self.int() as u16)
    }

    fn int32(&mut self) -> Made<i32> {
        Ok(self.int() as i32)
    }

    fn int64(&mut self) -> Made<i64> {
        Ok(self.int())
    }

    fn float64(&mut self) -> Made<f64> {
        // Quarters have a short text, which JSON parsers agree on.
        Ok(f64::from(self.rng.random::<i32>()) / 4.0)
    }

    fn uuid(&mut self) -> Made<Uuid> {
        Ok(Uuid::from_u128(self.rng.random()))
    }

    fn string(&mut self, nullable: bool) -> Made<Option<String>> {
        if self.is_null(nullable) {
            return Ok(None);
        }
        let alphabet = ['a', 'z', '-', '0', ' ', '"', '\\', '\u{e9}', '\u{2126}', '\u{1f980}'];
        let length = self.length();
        Ok(Some((0..length).map(|_| alphabet[self.rng.random_range(0..alphabet.len())]).collect()))
    }

    fn bytes(&mut self, nullable: bool) -> Made<Option<Bytes>> {
        if self.is_null(nullable) {
            return Ok(None);
        }
        let length = self.length();
        Ok(Some((0..length).map(|_| self.rng.random::<u8>()).collect()))
    }

    fn records(&mut self, nullable: bool) -> Made<Option<Records>> {
        let Some(first) = self.bytes(nullable)? else { return Ok(None) };
        let long = Bytes::from(vec![self.rng.random(); 1500]);
        Ok(Some(match self.rng.random_range(0..3) {
            0 => first.into(),
            1 => vec![long.clone(), first, long].into(),
            _ => Vec::new().into(),
        }))
    }

    fn array<T: Value>(&mut self, nullable: bool) -> Made<Option<Vec<T>>> {
        if self.is_null(nullable) {
            return Ok(None);
        }
        let many = self.rng.random_ratio(1, 30);
        let count = if many { 140 } else { self.rng.random_range(0..4) }.min(self.elements);
        self.elements -= count;
        (0..count).map(|_| T::read(self, false)).collect::<Made<_>>().map(Some)
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

/// Counts 1, 2, 3 .. through the fields in order: every value is told from its neighbours. Arrays have one element.
pub struct Sequence {
    version: i16,
    next: u8,
}

impl Sequence {
    pub fn new(version: i16) -> Self {
        Sequence { version, next: 0 }
    }

    fn next(&mut self) -> u8 {
        self.next += 1;
        self.next
    }
}

impl Source for Sequence {
    type Error = Infallible;

    fn field<T: Value>(&mut self, field: &'static Field, slot: &mut T) -> Made<()> {
        if field.versions.contains(self.version) {
            *slot = T::read(self, false)?;
        }
        Ok(())
    }

    fn boolean(&mut self) -> Made<bool> {
        Ok(self.next() % 2 == 1)
    }

    fn int8(&mut self) -> Made<i8> {
        Ok(self.next() as i8)
    }

    fn int16(&mut self) -> Made<i16> {
        Ok(self.next().into())
    }

    fn uint16(&mut self) -> Made<u16> {
        Ok(self.next().into())
    }

    fn int32(&mut self) -> Made<i32> {
        Ok(self.next().into())
    }

    fn int64(&mut self) -> Made<i64> {
        Ok(self.next().into())
    }

    fn float64(&mut self) -> Made<f64> {
        Ok(f64::from(self.next()) + 0.5)
    }

    fn uuid(&mut self) -> Made<Uuid> {
        Ok(Uuid::from_u128(self.next().into()))
    }

    fn string(&mut self, _: bool) -> Made<Option<String>> {
        Ok(Some(format!("s{}", self.next())))
    }

    fn bytes(&mut self, _: bool) -> Made<Option<Bytes>> {
        Ok(Some(vec![self.next()].into()))
    }

    fn records(&mut self, _: bool) -> Made<Option<Records>> {
        Ok(Some(Bytes::from(vec![self.next(); 3]).into()))
    }

    fn array<T: Value>(&mut self, _: bool) -> Made<Option<Vec<T>>> {
        Ok(Some(vec![T::read(self, false)?]))
    }

    fn entity<E: Entity>(&mut self, _: bool) -> Made<Option<E>> {
        let mut entity = E::default();
        entity.read(self)?;
        Ok(Some(entity))
    }
}
