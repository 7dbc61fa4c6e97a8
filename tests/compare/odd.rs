//! Requests that no careful client writes: each has one thing odd in it, at a place that chance picks.

use std::convert::Infallible;

use bytes::{BufMut as _, Bytes};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use uuid::Uuid;

use kafkaesque::protocol::codec::{Entity, Field, Message, Records, Request, Sink, Value};

/// Something that is odd about a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// Bytes behind the last field.
    Surplus,
    /// A string that is not UTF-8.
    Text,
    /// Tagged fields out of order, twice, with a wrong size, of another version, or more than there are.
    Tags,
    /// Null where none may be, or as another negative number.
    Null,
    /// A length beyond the frame.
    Length,
}

impl Oddity {
    pub const ALL: [Oddity; 5] = [Oddity::Surplus, Oddity::Text, Oddity::Tags, Oddity::Null, Oddity::Length];
}

/// The body of `message`. As it should be, if it has no place for the oddity.
#[allow(dead_code, reason = "each of the tests that share this file uses one of them")]
pub fn body<M: Message>(message: &M, version: i16, oddity: Oddity, seed: u64) -> Vec<u8> {
    write(oddity, version, seed, |writer| writer.message(message))
}

/// The whole frame of a request, its length in front.
#[allow(dead_code, reason = "each of the tests that share this file uses one of them")]
pub fn frame<R: Request>(request: &R, version: i16, id: i32, oddity: Oddity, seed: u64) -> Vec<u8> {
    let frame = write(oddity, version, seed, |writer| {
        writer.out.put_i16(R::KEY.key());
        writer.out.put_i16(version);
        writer.out.put_i32(id);
        writer.string(Some("compare"), true)?;
        writer.flexible = R::MESSAGE.is_flexible(version);
        writer.tagged_section(Vec::new(), None);
        writer.message(request)
    });
    [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
}

type Written = Result<(), Infallible>;

/// Writes twice: to count the places for the oddity, and then odd at one of them.
fn write(oddity: Oddity, version: i16, seed: u64, all: impl Fn(&mut Writer) -> Written) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut chosen = None;
    loop {
        let (tags, foreign, out) = (Vec::new(), None, Vec::new());
        let flexible = false;
        let mut writer = Writer { out, version, flexible, oddity, passed: 0, chosen, tags, foreign, rng };
        let Ok(()) = all(&mut writer);
        if chosen.is_some() || writer.passed == 0 {
            return writer.out;
        }
        chosen = Some(writer.rng.random_range(0..writer.passed));
        rng = writer.rng;
    }
}

struct Writer {
    out: Vec<u8>,
    version: i16,
    flexible: bool,
    oddity: Oddity,
    /// Places for the oddity so far, and the one that is odd.
    passed: usize,
    chosen: Option<usize>,
    /// The tagged fields of the entity being written, and a tag that it has in other versions.
    tags: Vec<(u32, Vec<u8>)>,
    foreign: Option<u32>,
    rng: StdRng,
}

impl Writer {
    fn is_odd(&mut self, oddity: Oddity) -> bool {
        let is_here = self.oddity == oddity;
        let is_chosen = is_here && self.chosen == Some(self.passed);
        self.passed += usize::from(is_here);
        is_chosen
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.random_range(0..choices.len())]
    }

    fn message<M: Message>(&mut self, message: &M) -> Written {
        self.flexible = M::MESSAGE.is_flexible(self.version);
        self.entity(Some(message), false)?;
        if self.is_odd(Oddity::Surplus) {
            let count = self.one_of(&[1, 3, 300]);
            let surplus: Vec<u8> = (0..count).map(|_| self.rng.random()).collect();
            self.out.extend(surplus);
        }
        Ok(())
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    /// A length, odd perhaps, and whether what has it is there.
    fn length(&mut self, length: Option<usize>, nullable: bool, is_short: bool) -> bool {
        if (length.is_none() || !nullable) && self.is_odd(Oddity::Null) {
            let wire = self.one_of(&[-1, -2, i16::MIN.into()]);
            self.put_length(wire, is_short);
            return false;
        }
        if length.is_some() && self.is_odd(Oddity::Length) {
            let wire = self.one_of(&[i16::MAX.into(), 40_000, 1_000_001, i32::MAX - 1]);
            self.put_length(if is_short { wire.min(i16::MAX.into()) } else { wire }, is_short);
            return true;
        }
        self.put_length(length.map_or(-1, |length| length as i32), is_short);
        length.is_some()
    }

    fn put_length(&mut self, length: i32, is_short: bool) {
        match (self.flexible, is_short) {
            (true, _) => self.varint((length + 1) as u32),
            (false, true) => self.out.put_i16(length as i16),
            (false, false) => self.out.put_i32(length),
        }
    }

    fn tagged_section(&mut self, mut tags: Vec<(u32, Vec<u8>)>, foreign: Option<u32>) {
        if !self.flexible {
            return;
        }
        tags.sort();
        let sized = |(tag, value): (u32, Vec<u8>)| (tag, value.len() as u32, value);
        let mut fields: Vec<(u32, u32, Vec<u8>)> = tags.into_iter().map(sized).collect();
        let mut surplus = 0;
        if self.is_odd(Oddity::Tags) {
            match self.rng.random_range(0..6) {
                0 => fields.insert(0, sized((self.rng.random_range(50..500), b"unknown".to_vec()))),
                1 => fields.extend([(90, b"a".to_vec()), (90, Vec::new()), (80, b"b".to_vec())].map(sized)),
                2 => fields.extend(fields.clone()),
                3 => fields.extend(foreign.map(|tag| sized((tag, b"\x01\x01\x01".to_vec())))),
                4 => fields.iter_mut().for_each(|(_, size, _)| *size += 1),
                _ => surplus = self.one_of(&[1, 10_001, i32::MAX as u32]),
            }
        }
        self.varint(fields.len() as u32 + surplus);
        for (tag, size, value) in fields {
            self.varint(tag);
            self.varint(size);
            self.out.extend(value);
        }
    }
}

impl Sink for Writer {
    type Error = Infallible;

    fn field<T: Value>(&mut self, field: &'static Field, value: &T) -> Written {
        if !field.versions.contains(self.version) {
            self.foreign = self.foreign.or(field.tag);
            return Ok(());
        }
        let nullable = field.nullable.contains(self.version);
        match field.tag {
            None => value.write(self, nullable),
            Some(_) if value.is_initial(field.initial) => Ok(()),
            Some(tag) => {
                let outer = std::mem::take(&mut self.out);
                value.write(self, nullable)?;
                let value = std::mem::replace(&mut self.out, outer);
                self.tags.push((tag, value));
                Ok(())
            }
        }
    }

    fn boolean(&mut self, value: bool) -> Written {
        self.int8(value.into())
    }

    fn int8(&mut self, value: i8) -> Written {
        self.out.put_i8(value);
        Ok(())
    }

    fn int16(&mut self, value: i16) -> Written {
        self.out.put_i16(value);
        Ok(())
    }

    fn uint16(&mut self, value: u16) -> Written {
        self.out.put_u16(value);
        Ok(())
    }

    fn int32(&mut self, value: i32) -> Written {
        self.out.put_i32(value);
        Ok(())
    }

    fn int64(&mut self, value: i64) -> Written {
        self.out.put_i64(value);
        Ok(())
    }

    fn float64(&mut self, value: f64) -> Written {
        self.out.put_f64(value);
        Ok(())
    }

    fn uuid(&mut self, value: Uuid) -> Written {
        self.out.put_slice(value.as_bytes());
        Ok(())
    }

    fn string(&mut self, value: Option<&str>, nullable: bool) -> Written {
        let mut text = value.unwrap_or_default().as_bytes().to_vec();
        if value.is_some() && self.is_odd(Oddity::Text) {
            let wrong: [&[u8]; 6] =
                [b"\xe9", b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x82A", b"\xf0\x9f", b"\xc0\x80"];
            let wrong = self.one_of(&wrong);
            let at = self.rng.random_range(0..=text.len());
            text.splice(at..at, wrong.iter().copied());
        }
        if self.length(value.map(|_| text.len()), nullable, true) {
            self.out.extend(text);
        }
        Ok(())
    }

    fn bytes(&mut self, value: Option<&Bytes>, nullable: bool) -> Written {
        if self.length(value.map(Bytes::len), nullable, false) {
            self.out.extend(value.into_iter().flatten());
        }
        Ok(())
    }

    fn records(&mut self, value: Option<&Records>, nullable: bool) -> Written {
        self.bytes(value.map(|records| records.clone().into_bytes()).as_ref(), nullable)
    }

    fn array<T: Value>(&mut self, value: Option<&[T]>, nullable: bool) -> Written {
        if self.length(value.map(<[T]>::len), nullable, false) {
            value.unwrap_or_default().iter().try_for_each(|element| element.write(self, false))?;
        }
        Ok(())
    }

    fn entity<E: Entity>(&mut self, value: Option<&E>, nullable: bool) -> Written {
        let Some(entity) = value else {
            let null = if self.is_odd(Oddity::Null) { -100 } else { -1 };
            return self.int8(null);
        };
        if nullable {
            self.int8(1)?;
        }
        let (tags, foreign) = (std::mem::take(&mut self.tags), self.foreign.take());
        entity.write(self)?;
        let tags = std::mem::replace(&mut self.tags, tags);
        let foreign = std::mem::replace(&mut self.foreign, foreign);
        self.tagged_section(tags, foreign);
        Ok(())
    }
}
