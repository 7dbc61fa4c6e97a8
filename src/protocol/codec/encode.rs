//! The pass that writes the wire.

use bytes::{BufMut, Bytes};
use thiserror::Error;
use uuid::Uuid;

use super::{Entity, Field, MessageSchema, Records, Sink, Value, Writer};

/// A message that its version cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    #[error("{message} has no version {version}")]
    UnknownVersion { message: &'static str, version: i16 },
    #[error("field {field} is set but not in version {version}")]
    NotInVersion { field: &'static str, version: i16 },
    #[error("field {field} is null but may not be in version {version}")]
    UnexpectedNull { field: &'static str, version: i16 },
    #[error("field {field} is too long")]
    TooLong { field: &'static str },
}

/// Writes messages of one version.
pub struct Encoder<'a> {
    out: &'a mut Writer,
    schema: &'static MessageSchema,
    version: i16,
    flexible: bool,
    /// The tagged fields of the entity being written.
    tags: Vec<(u32, Writer)>,
    /// For errors: where we are.
    at: &'static str,
}

impl<'a> Encoder<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Writer, version: i16, schema: &'static MessageSchema) -> Self {
        let flexible = schema.is_flexible(version);
        Encoder { out, schema, version, flexible, tags: Vec::new(), at: schema.entity.name }
    }

    /// Writes one message.
    pub fn message<E: Entity>(&mut self, message: &E) -> Result<(), EncodeError> {
        if !self.schema.versions.contains(self.version) {
            return Err(EncodeError::UnknownVersion { message: E::SCHEMA.name, version: self.version });
        }
        self.body(message)
    }

    fn body<E: Entity>(&mut self, entity: &E) -> Result<(), EncodeError> {
        if !self.flexible {
            return entity.write(self);
        }
        if const { !E::SCHEMA.has_tags() } {
            entity.write(self)?;
            self.out.varint(0);
            return Ok(());
        }
        let outer = std::mem::take(&mut self.tags);
        entity.write(self)?;
        let mut tags = std::mem::replace(&mut self.tags, outer);
        tags.sort_by_key(|(tag, _)| *tag);
        self.out.varint(tags.len() as u32);
        for (tag, value) in tags {
            self.out.varint(tag);
            self.out.varint(value.len() as u32);
            self.out.append(value);
        }
        Ok(())
    }

    /// Writes a length, or null, and says whether there is more to write.
    fn length32(&mut self, length: Option<usize>, nullable: bool) -> Result<bool, EncodeError> {
        let wire = self.checked(length, nullable, i32::MAX as usize - 1)?;
        match self.flexible {
            true => self.out.varint((wire + 1) as u32),
            false => self.out.small().put_i32(wire),
        }
        Ok(length.is_some())
    }

    fn length16(&mut self, length: Option<usize>, nullable: bool) -> Result<bool, EncodeError> {
        let wire = self.checked(length, nullable, i16::MAX as usize)?;
        match self.flexible {
            true => self.out.varint((wire + 1) as u32),
            false => self.out.small().put_i16(wire as i16),
        }
        Ok(length.is_some())
    }

    fn checked(&self, length: Option<usize>, nullable: bool, limit: usize) -> Result<i32, EncodeError> {
        match length {
            Some(length) if length > limit => Err(EncodeError::TooLong { field: self.at }),
            Some(length) => Ok(length as i32),
            None => self.null(nullable).map(|()| -1),
        }
    }

    fn null(&self, nullable: bool) -> Result<(), EncodeError> {
        match nullable {
            true => Ok(()),
            false => Err(EncodeError::UnexpectedNull { field: self.at, version: self.version }),
        }
    }

    fn tagged<T: Value>(&mut self, tag: u32, value: &T, nullable: bool) -> Result<(), EncodeError> {
        let body = std::mem::take(self.out);
        let written = value.write(self, nullable);
        let value = std::mem::replace(self.out, body);
        self.tags.push((tag, value));
        written
    }
}

impl Sink for Encoder<'_> {
    type Error = EncodeError;

    #[inline]
    fn field<T: Value>(&mut self, field: &'static Field, value: &T) -> Result<(), EncodeError> {
        self.at = field.name;
        if !field.versions.contains(self.version) {
            return match field.ignorable || value.is_initial(field.initial) {
                true => Ok(()),
                false => Err(EncodeError::NotInVersion { field: field.name, version: self.version }),
            };
        }
        let nullable = field.nullable.contains(self.version);
        match field.tag {
            None => value.write(self, nullable),
            Some(_) if value.is_initial(field.initial) => Ok(()),
            Some(tag) => self.tagged(tag, value, nullable),
        }
    }

    fn boolean(&mut self, value: bool) -> Result<(), EncodeError> {
        self.int8(value.into())
    }

    fn int8(&mut self, value: i8) -> Result<(), EncodeError> {
        self.out.small().put_i8(value);
        Ok(())
    }

    fn int16(&mut self, value: i16) -> Result<(), EncodeError> {
        self.out.small().put_i16(value);
        Ok(())
    }

    fn uint16(&mut self, value: u16) -> Result<(), EncodeError> {
        self.out.small().put_u16(value);
        Ok(())
    }

    fn int32(&mut self, value: i32) -> Result<(), EncodeError> {
        self.out.small().put_i32(value);
        Ok(())
    }

    fn int64(&mut self, value: i64) -> Result<(), EncodeError> {
        self.out.small().put_i64(value);
        Ok(())
    }

    fn float64(&mut self, value: f64) -> Result<(), EncodeError> {
        self.out.small().put_f64(value);
        Ok(())
    }

    fn uuid(&mut self, value: Uuid) -> Result<(), EncodeError> {
        self.out.small().put_slice(value.as_bytes());
        Ok(())
    }

    fn string(&mut self, value: Option<&str>, nullable: bool) -> Result<(), EncodeError> {
        if self.length16(value.map(str::len), nullable)? {
            self.out.small().put_slice(value.unwrap_or_default().as_bytes());
        }
        Ok(())
    }

    fn bytes(&mut self, value: Option<&Bytes>, nullable: bool) -> Result<(), EncodeError> {
        self.length32(value.map(Bytes::len), nullable)?;
        value.into_iter().for_each(|bytes| self.out.payload(bytes));
        Ok(())
    }

    fn records(&mut self, value: Option<&Records>, nullable: bool) -> Result<(), EncodeError> {
        self.length32(value.map(Records::len), nullable)?;
        value.into_iter().flat_map(Records::chunks).for_each(|chunk| self.out.payload(chunk));
        Ok(())
    }

    fn array<T: Value>(&mut self, value: Option<&[T]>, nullable: bool) -> Result<(), EncodeError> {
        self.length32(value.map(<[T]>::len), nullable)?;
        value.unwrap_or_default().iter().try_for_each(|element| element.write(self, false))
    }

    fn entity<E: Entity>(&mut self, value: Option<&E>, nullable: bool) -> Result<(), EncodeError> {
        let Some(entity) = value else {
            self.null(nullable)?;
            return self.int8(-1);
        };
        if nullable {
            self.int8(1)?;
        }
        self.body(entity)
    }
}
