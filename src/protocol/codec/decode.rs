//! The pass that reads the wire.

use bytes::Bytes;
use thiserror::Error;
use uuid::Uuid;

use super::{Entity, Field, Kind, MessageSchema, Reader, Records, Source, Value, text};

/// Memory a message may take: this many times the length of its frame ...
pub(super) const BUDGET_FACTOR: usize = 16;
/// ... and this many bytes on top, so that small messages of tiny elements are never refused.
pub(super) const BUDGET_BASE: usize = 64 * 1024;
/// Kafka takes no longer array.
const MAX_ELEMENTS: usize = 1_000_000;
/// The cost of an allocation beside its bytes.
const ALLOCATION: usize = 16;

/// A message that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{fault} at field {field}")]
pub struct DecodeError {
    /// The field being read.
    pub field: &'static str,
    pub fault: Fault,
}

/// A fault of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    #[error("the frame ends too early")]
    Truncated,
    #[error("null where no null may be")]
    UnexpectedNull,
    #[error("varint of more than five bytes")]
    VarintOverflow,
    #[error("string too long")]
    StringTooLong,
    #[error("more elements than the frame can hold, or than 1,000,000")]
    ArrayTooLong,
    #[error("too much memory for the length of the frame")]
    OverBudget,
    #[error("more tagged fields than the frame can hold, or than 10,000")]
    TooManyTags,
    #[error("a tagged field of another version")]
    TagNotInVersion,
    #[error("bytes left over")]
    TrailingBytes,
    #[error("no such version")]
    UnknownVersion,
}

/// Reads messages of one version, and takes what Kafka takes: any negative length is null, tagged fields come in any order
/// and twice (the last one counts), strings need not be UTF-8.
///
/// Arrays are charged before room is made for them: `count x size of an element`, against a budget of
/// 16 times the frame and 64 KiB. Byte payloads stay slices of the frame and cost nothing.
pub struct Decoder<'a> {
    reader: Reader<'a>,
    schema: &'static MessageSchema,
    version: i16,
    flexible: bool,
    budget: usize,
    charged: usize,
    /// The tagged field being looked for; without one, fields of the body are read.
    tag: Option<u32>,
    tag_known: bool,
    /// For errors: where we are.
    at: &'static str,
}

impl<'a> Decoder<'a> {
    /// Over all of `body`.
    pub fn new(body: &'a Bytes, version: i16, schema: &'static MessageSchema) -> Self {
        Self::over(Reader::new(body), version, schema)
    }

    /// From where `reader` stands.
    pub fn over(reader: Reader<'a>, version: i16, schema: &'static MessageSchema) -> Self {
        Decoder {
            schema,
            version,
            flexible: schema.is_flexible(version),
            budget: reader.remaining().saturating_mul(BUDGET_FACTOR).saturating_add(BUDGET_BASE),
            charged: 0,
            reader,
            tag: None,
            tag_known: false,
            at: schema.entity.name,
        }
    }

    /// Reads one message.
    pub fn message<E: Entity>(&mut self) -> Result<E, DecodeError> {
        if !self.schema.versions.contains(self.version) {
            return Err(self.error(Fault::UnknownVersion));
        }
        self.body().map_err(|fault| self.error(fault))
    }

    /// Checks that nothing is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.reader.remaining() {
            0 => Ok(()),
            _ => Err(self.error(Fault::TrailingBytes)),
        }
    }

    /// The end of the message.
    pub fn into_reader(self) -> Reader<'a> {
        self.reader
    }

    /// Memory of what was read, where it is not a slice of the frame.
    pub fn charged(&self) -> usize {
        self.charged
    }

    fn error(&self, fault: Fault) -> DecodeError {
        DecodeError { field: self.at, fault }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Fault> {
        self.charged += bytes;
        match self.charged > self.budget {
            true => Err(Fault::OverBudget),
            false => Ok(()),
        }
    }

    fn length16(&mut self, nullable: bool) -> Result<Option<usize>, Fault> {
        let length = if self.flexible { self.reader.compact_length()? } else { self.reader.length16()? };
        present(length, nullable)
    }

    fn length32(&mut self, nullable: bool) -> Result<Option<usize>, Fault> {
        let length = if self.flexible { self.reader.compact_length()? } else { self.reader.length32()? };
        present(length, nullable)
    }

    /// The least bytes an element takes, and never nothing.
    fn min_size<T: Value>(&self) -> usize {
        let sizes = const { &T::KIND.min_sizes() };
        let tags = self.flexible && matches!(T::KIND, Kind::Struct(_));
        (usize::from(sizes[self.version as usize]) + usize::from(tags)).max(1)
    }

    fn body<E: Entity>(&mut self) -> Result<E, Fault> {
        let mut entity = E::default();
        let outer = self.tag.take();
        entity.read(self)?;
        if self.flexible {
            self.tagged(&mut entity)?;
        }
        self.tag = outer;
        Ok(entity)
    }

    /// The value of a known tag ends where its type says, whatever size is announced.
    fn tagged<E: Entity>(&mut self, entity: &mut E) -> Result<(), Fault> {
        for _ in 0..self.reader.tag_count()? {
            let tag = self.reader.varint()?;
            let size = self.reader.varint()?;
            if const { E::SCHEMA.has_tags() } {
                self.tag = Some(tag);
                self.tag_known = false;
                entity.read(self)?;
                self.tag = None;
                if self.tag_known {
                    continue;
                }
            }
            self.reader.skip_tag(size)?;
        }
        Ok(())
    }
}

fn present(length: Option<usize>, nullable: bool) -> Result<Option<usize>, Fault> {
    match length {
        None if !nullable => Err(Fault::UnexpectedNull),
        length => Ok(length),
    }
}

impl Source for Decoder<'_> {
    type Error = Fault;

    #[inline]
    fn field<T: Value>(&mut self, field: &'static Field, slot: &mut T) -> Result<(), Fault> {
        if field.tag != self.tag {
            return Ok(());
        }
        if !field.versions.contains(self.version) {
            self.at = field.name;
            return field.tag.map_or(Ok(()), |_| Err(Fault::TagNotInVersion));
        }
        self.at = field.name;
        *slot = T::read(self, field.nullable.contains(self.version))?;
        if field.tag.is_some() {
            self.tag_known = true;
        }
        Ok(())
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        Ok(self.reader.int8()? != 0)
    }

    fn int8(&mut self) -> Result<i8, Fault> {
        self.reader.int8()
    }

    fn int16(&mut self) -> Result<i16, Fault> {
        self.reader.int16()
    }

    fn uint16(&mut self) -> Result<u16, Fault> {
        self.reader.uint16()
    }

    fn int32(&mut self) -> Result<i32, Fault> {
        self.reader.int32()
    }

    fn int64(&mut self) -> Result<i64, Fault> {
        self.reader.int64()
    }

    fn float64(&mut self) -> Result<f64, Fault> {
        self.reader.float64()
    }

    fn uuid(&mut self) -> Result<Uuid, Fault> {
        self.reader.uuid()
    }

    fn string(&mut self, nullable: bool) -> Result<Option<String>, Fault> {
        let Some(length) = self.length16(nullable)? else { return Ok(None) };
        if length > i16::MAX as usize {
            return Err(Fault::StringTooLong);
        }
        let bytes = self.reader.take(length)?;
        match std::str::from_utf8(bytes) {
            Ok("") => Ok(Some(String::new())),
            Ok(text) => {
                self.charge(length + ALLOCATION)?;
                Ok(Some(text.to_owned()))
            }
            Err(_) => {
                self.charge(text::most_bytes(length) + ALLOCATION)?;
                Ok(Some(text::replaced(bytes)))
            }
        }
    }

    fn bytes(&mut self, nullable: bool) -> Result<Option<Bytes>, Fault> {
        let Some(length) = self.length32(nullable)? else { return Ok(None) };
        self.reader.take_bytes(length).map(Some)
    }

    fn records(&mut self, nullable: bool) -> Result<Option<Records>, Fault> {
        Ok(self.bytes(nullable)?.map(Records::from))
    }

    fn array<T: Value>(&mut self, nullable: bool) -> Result<Option<Vec<T>>, Fault> {
        let Some(count) = self.length32(nullable)? else { return Ok(None) };
        if count > MAX_ELEMENTS.min(self.reader.remaining() / self.min_size::<T>()) {
            return Err(Fault::ArrayTooLong);
        }
        self.charge(count.saturating_mul(size_of::<T>()))?;
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(T::read(self, false)?);
        }
        Ok(Some(list))
    }

    fn entity<E: Entity>(&mut self, nullable: bool) -> Result<Option<E>, Fault> {
        // A struct that may be null is led by a byte, negative for null.
        if nullable && self.reader.int8()? < 0 {
            return Ok(None);
        }
        self.body().map(Some)
    }
}
