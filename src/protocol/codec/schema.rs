//! A declaration as data: what the passes follow, and what is compared with Kafka's definitions.

/// An inclusive range of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    pub first: i16,
    pub last: i16,
}

impl Versions {
    /// Every version.
    pub const ALL: Versions = Versions { first: 0, last: i16::MAX };
    /// No version.
    pub const NONE: Versions = Versions { first: i16::MAX, last: -1 };

    /// The versions from `first` to `last`, both included.
    pub const fn new(first: i16, last: i16) -> Self {
        Versions { first, last }
    }

    /// True if `version` is one of these.
    pub const fn contains(&self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }

    /// True if there is no version in the range.
    pub const fn is_empty(&self) -> bool {
        self.first > self.last
    }
}

/// The wire type of a value.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    Array(&'static Kind),
    Struct(&'static EntitySchema),
}

/// No message has a version above this one.
pub(super) const LAST_VERSION: i16 = 20;

impl Kind {
    /// The least bytes a value takes at each version.
    pub(super) const fn min_sizes(&self) -> [u16; LAST_VERSION as usize + 1] {
        let mut sizes = [0; LAST_VERSION as usize + 1];
        let mut version = 0;
        while version <= LAST_VERSION {
            sizes[version as usize] = self.min_size(version);
            version += 1;
        }
        sizes
    }

    const fn min_size(&self, version: i16) -> u16 {
        match self {
            Kind::Bool | Kind::Int8 => 1,
            Kind::Int16 | Kind::Uint16 => 2,
            Kind::Int32 => 4,
            Kind::Int64 | Kind::Float64 => 8,
            Kind::Uuid => 16,
            // A compact length.
            Kind::String | Kind::Bytes | Kind::Records | Kind::Array(_) => 1,
            Kind::Struct(entity) => entity.min_size(version),
        }
    }
}

/// The value of a field in versions which do not carry it, and of a new message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initial {
    /// Zero, false, empty.
    Zero,
    Null,
    Int(i64),
}

impl Initial {
    /// From the right-hand side of a declaration: an integer, `true`, `false` or [`NULL`].
    pub(in crate::protocol) const fn of(declared: i128) -> Self {
        match declared {
            NULL => Initial::Null,
            0 => Initial::Zero,
            number => Initial::Int(number as i64),
        }
    }
}

/// The value of `null` on the right-hand side of a declaration: no 64-bit integer.
pub(in crate::protocol) const NULL: i128 = i128::MAX;

/// One field of an entity.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// The versions which carry the field, in the ranges of the entity around it.
    pub versions: Versions,
    /// The versions in which the field may be null.
    pub nullable: Versions,
    /// The tag, when the field travels in the tagged section.
    pub tag: Option<u32>,
    /// A value that the version cannot carry is dropped, rather than an error.
    pub ignorable: bool,
    pub initial: Initial,
}

impl Field {
    pub(in crate::protocol) const fn new(name: &'static str, kind: Kind) -> Self {
        Field {
            name,
            kind,
            versions: Versions::ALL,
            nullable: Versions::NONE,
            tag: None,
            ignorable: false,
            initial: Initial::Zero,
        }
    }

    pub(in crate::protocol) const fn versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    pub(in crate::protocol) const fn nullable(mut self) -> Self {
        self.nullable = Versions::ALL;
        self
    }

    pub(in crate::protocol) const fn nullable_since(mut self, first: i16) -> Self {
        self.nullable = Versions::new(first, i16::MAX);
        self
    }

    pub(in crate::protocol) const fn tag(mut self, tag: u32) -> Self {
        self.tag = Some(tag);
        self
    }

    pub(in crate::protocol) const fn ignorable(mut self) -> Self {
        self.ignorable = true;
        self
    }

    pub(in crate::protocol) const fn initial(mut self, declared: i128) -> Self {
        self.initial = Initial::of(declared);
        self
    }
}

/// A struct of fields: a whole message or one nested in it.
#[derive(Debug)]
pub struct EntitySchema {
    pub name: &'static str,
    pub fields: &'static [Field],
}

impl EntitySchema {
    /// True if any field is tagged.
    pub(in crate::protocol) const fn has_tags(&self) -> bool {
        let mut n = 0;
        while n < self.fields.len() {
            if self.fields[n].tag.is_some() {
                return true;
            }
            n += 1;
        }
        false
    }

    /// The least bytes an entity takes at `version`, tagged section not counted.
    const fn min_size(&self, version: i16) -> u16 {
        let mut size = 0;
        let mut n = 0;
        while n < self.fields.len() {
            let field = &self.fields[n];
            if field.tag.is_none() && field.versions.contains(version) {
                size += match field.kind {
                    // A struct that may be null is led by a byte.
                    Kind::Struct(_) if !field.nullable.is_empty() => 1,
                    _ => field.kind.min_size(version),
                };
            }
            n += 1;
        }
        size
    }
}

/// The declaration of a message as a whole.
#[derive(Debug)]
pub struct MessageSchema {
    pub versions: Versions,
    /// The versions with compact lengths and tagged sections.
    pub flexible: Versions,
    pub entity: &'static EntitySchema,
}

impl MessageSchema {
    pub(in crate::protocol) const fn new(
        versions: Versions,
        flexible: Versions,
        entity: &'static EntitySchema,
    ) -> Self {
        assert!(versions.last <= LAST_VERSION);
        MessageSchema { versions, flexible, entity }
    }

    /// True if `version` has compact lengths and tagged sections.
    pub const fn is_flexible(&self, version: i16) -> bool {
        self.flexible.contains(version)
    }
}
