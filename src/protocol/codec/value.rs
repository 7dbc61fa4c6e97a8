//! Values of fields, and the two directions in which a pass goes over them.
//!
//! A [`Source`] makes values (the wire decoder, generators in tests), a [`Sink`] takes them (the wire encoder, printers
//! in tests). Each entity is walked field by field in the order of its declaration.

use bytes::Bytes;
use uuid::Uuid;

use super::{EntitySchema, Field, Initial, Kind, Records};

/// A declared struct. Implemented by `message!` alone.
pub trait Entity: Sized + Clone + PartialEq + Default + 'static {
    const SCHEMA: &'static EntitySchema;

    /// Offers every field to `source`, in order.
    fn read<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error>;

    /// Offers every field to `sink`, in order.
    fn write<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error>;
}

/// Makes values. What is asked for with `nullable` unset must not come back as `None`.
pub trait Source: Sized {
    type Error;

    /// Fills `slot`, or leaves it at its initial value when the field is not there.
    fn field<T: Value>(&mut self, field: &'static Field, slot: &mut T) -> Result<(), Self::Error>;
    fn boolean(&mut self) -> Result<bool, Self::Error>;
    fn int8(&mut self) -> Result<i8, Self::Error>;
    fn int16(&mut self) -> Result<i16, Self::Error>;
    fn uint16(&mut self) -> Result<u16, Self::Error>;
    fn int32(&mut self) -> Result<i32, Self::Error>;
    fn int64(&mut self) -> Result<i64, Self::Error>;
    fn float64(&mut self) -> Result<f64, Self::Error>;
    fn uuid(&mut self) -> Result<Uuid, Self::Error>;
    fn string(&mut self, nullable: bool) -> Result<Option<String>, Self::Error>;
    fn bytes(&mut self, nullable: bool) -> Result<Option<Bytes>, Self::Error>;
    fn records(&mut self, nullable: bool) -> Result<Option<Records>, Self::Error>;
    fn array<T: Value>(&mut self, nullable: bool) -> Result<Option<Vec<T>>, Self::Error>;
    fn entity<E: Entity>(&mut self, nullable: bool) -> Result<Option<E>, Self::Error>;
}

/// Takes values. `nullable` says whether null would be allowed here.
pub trait Sink: Sized {
    type Error;

    fn field<T: Value>(&mut self, field: &'static Field, value: &T) -> Result<(), Self::Error>;
    fn boolean(&mut self, value: bool) -> Result<(), Self::Error>;
    fn int8(&mut self, value: i8) -> Result<(), Self::Error>;
    fn int16(&mut self, value: i16) -> Result<(), Self::Error>;
    fn uint16(&mut self, value: u16) -> Result<(), Self::Error>;
    fn int32(&mut self, value: i32) -> Result<(), Self::Error>;
    fn int64(&mut self, value: i64) -> Result<(), Self::Error>;
    fn float64(&mut self, value: f64) -> Result<(), Self::Error>;
    fn uuid(&mut self, value: Uuid) -> Result<(), Self::Error>;
    fn string(&mut self, value: Option<&str>, nullable: bool) -> Result<(), Self::Error>;
    fn bytes(&mut self, value: Option<&Bytes>, nullable: bool) -> Result<(), Self::Error>;
    fn records(&mut self, value: Option<&Records>, nullable: bool) -> Result<(), Self::Error>;
    fn array<T: Value>(&mut self, value: Option<&[T]>, nullable: bool) -> Result<(), Self::Error>;
    fn entity<E: Entity>(&mut self, value: Option<&E>, nullable: bool) -> Result<(), Self::Error>;
}

/// Anything a field or an array can hold.
pub trait Value: Sized + 'static {
    const KIND: Kind;

    fn initial(initial: Initial) -> Self;
    fn is_initial(&self, initial: Initial) -> bool;
    fn read<S: Source>(source: &mut S, nullable: bool) -> Result<Self, S::Error>;
    fn write<S: Sink>(&self, sink: &mut S, nullable: bool) -> Result<(), S::Error>;
}

/// Types without null and without a length.
macro_rules! primitive {
    ($($type:ty, $kind:ident, $method:ident, $from:expr;)*) => {$(
        impl Value for $type {
            const KIND: Kind = Kind::$kind;

            fn initial(initial: Initial) -> Self {
                match initial {
                    Initial::Int(number) => $from(number),
                    Initial::Zero | Initial::Null => Self::default(),
                }
            }

            fn is_initial(&self, initial: Initial) -> bool {
                *self == Self::initial(initial)
            }

            fn read<S: Source>(source: &mut S, _: bool) -> Result<Self, S::Error> {
                source.$method()
            }

            fn write<S: Sink>(&self, sink: &mut S, _: bool) -> Result<(), S::Error> {
                sink.$method(*self)
            }
        }
    )*};
}

primitive! {
    bool, Bool, boolean, |number| number != 0;
    i8, Int8, int8, |number| number as i8;
    i16, Int16, int16, |number| number as i16;
    u16, Uint16, uint16, |number| number as u16;
    i32, Int32, int32, |number| number as i32;
    i64, Int64, int64, |number| number;
    f64, Float64, float64, |number| number as f64;
    Uuid, Uuid, uuid, |_| Uuid::nil();
}

/// Types with a length: plain, and as an option where some version allows null.
macro_rules! sized {
    ($(
        [$($generic:tt)*] $type:ty, $kind:expr, $method:ident, $borrow:ident, $empty:expr, $is_empty:expr;
    )*) => {$(
        impl$($generic)* Value for $type {
            const KIND: Kind = $kind;

            fn initial(_: Initial) -> Self {
                $empty
            }

            fn is_initial(&self, _: Initial) -> bool {
                $is_empty(self)
            }

            fn read<S: Source>(source: &mut S, _: bool) -> Result<Self, S::Error> {
                Ok(source.$method(false)?.unwrap_or_else(|| $empty))
            }

            fn write<S: Sink>(&self, sink: &mut S, _: bool) -> Result<(), S::Error> {
                sink.$method(Some($borrow(self)), false)
            }
        }

        impl$($generic)* Value for Option<$type> {
            const KIND: Kind = $kind;

            fn initial(initial: Initial) -> Self {
                (initial != Initial::Null).then(|| $empty)
            }

            fn is_initial(&self, initial: Initial) -> bool {
                match self {
                    None => initial == Initial::Null,
                    Some(value) => initial != Initial::Null && $is_empty(value),
                }
            }

            fn read<S: Source>(source: &mut S, nullable: bool) -> Result<Self, S::Error> {
                source.$method(nullable)
            }

            fn write<S: Sink>(&self, sink: &mut S, nullable: bool) -> Result<(), S::Error> {
                sink.$method(self.as_ref().map($borrow), nullable)
            }
        }
    )*};
}

sized! {
    [] String, Kind::String, string, as_str, String::new(), String::is_empty;
    [] Bytes, Kind::Bytes, bytes, as_is, Bytes::new(), Bytes::is_empty;
    [] Records, Kind::Records, records, as_is, Records::default(), Records::is_empty;
    [<T: Value>] Vec<T>, Kind::Array(&T::KIND), array, as_slice, Vec::new(), Vec::is_empty;
    [<E: Entity>] E, Kind::Struct(E::SCHEMA), entity, as_is, E::default(), is_default;
}

fn as_str(value: &String) -> &str {
    value
}

fn as_slice<T>(value: &Vec<T>) -> &[T] {
    value
}

fn as_is<T>(value: &T) -> &T {
    value
}

fn is_default<E: Entity>(value: &E) -> bool {
    *value == E::default()
}
