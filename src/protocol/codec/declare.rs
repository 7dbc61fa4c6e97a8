//! Declarations of messages.
//!
//! ```text
//! message! { Name = API key, versions FIRST..=LAST, flexible FIRST..;
//!     request { FIELD, .. }
//!     response { FIELD, .. }
//! }
//! FIELD  = name: TYPE [VERSIONS] ATTRIBUTE .. = DEFAULT
//! TYPE   = bool i8 i16 u16 i32 i64 f64 uuid str bytes records, [TYPE] for an array,
//!          and structs: [Name { FIELD, .. }] for an array of structs, (Name { FIELD, .. }) for one
//! ```
//!
//! `VERSIONS` are `[3..]`, `[3..=5]` or `[3]`, all of the entity around it when left out. Attributes: `nullable`,
//! `nullable_since(VERSION)`, `tag(TAG)`, `ignorable`. Without a default a field starts at zero, or empty. A struct is
//! spelled out where it is first used; further uses name it: `[Name]`, `(Name)`.
//!
//! Field and struct names are Kafka's, in the case of this language.

/// Declares a request and its response; see the module.
macro_rules! message {
    (
        $name:ident = $key:literal, versions $first:literal ..= $last:literal, flexible none;
        $($body:tt)*
    ) => {
        $crate::protocol::codec::declare::message! {
            @pair $name, $crate::protocol::codec::Versions::new($first, $last),
            $crate::protocol::codec::Versions::NONE; $($body)*
        }
    };
    (
        $name:ident = $key:literal, versions $first:literal ..= $last:literal, flexible $flexible:literal ..;
        $($body:tt)*
    ) => {
        $crate::protocol::codec::declare::message! {
            @pair $name, $crate::protocol::codec::Versions::new($first, $last),
            $crate::protocol::codec::Versions::new($flexible, i16::MAX); $($body)*
        }
    };
    (
        @pair $name:ident, $versions:expr, $flexible:expr;
        request { $($request:tt)* }
        response { $($response:tt)* }
    ) => {
        pub mod request {
            #[allow(unused_imports)]
            use $crate::protocol::codec::declare::imports::*;
            $crate::protocol::codec::declare::root! { Request, $versions, $flexible; { $($request)* } }

            impl $crate::protocol::codec::Request for Request {
                const KEY: $crate::protocol::ApiKey = $crate::protocol::ApiKey::$name;
                type Response = super::response::Response;
            }
        }

        pub mod response {
            #[allow(unused_imports)]
            use $crate::protocol::codec::declare::imports::*;
            $crate::protocol::codec::declare::root! { Response, $versions, $flexible; { $($response)* } }
        }

        // A name which both sides use differently is reached through its side.
        #[allow(unused_imports, ambiguous_glob_reexports)]
        pub use self::{request::*, response::*};
    };
}

/// A struct that is sent by itself.
macro_rules! root {
    ($name:ident, $versions:expr, $flexible:expr; $fields:tt) => {
        $crate::protocol::codec::declare::entity! { $name $fields }

        impl $crate::protocol::codec::Message for $name {
            const MESSAGE: &'static $crate::protocol::codec::MessageSchema =
                &$crate::protocol::codec::MessageSchema::new(
                    $versions,
                    $flexible,
                    <Self as $crate::protocol::codec::Entity>::SCHEMA,
                );
        }
    };
}

/// A struct, and the structs spelled out inside it.
macro_rules! entity {
    ($name:ident { $(
        $field:ident : $type:tt $([ $($range:tt)* ])?
            $( $attribute:ident $(( $argument:literal ))? )* $(= $initial:expr)?
    ),* $(,)? }) => {
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( pub $field: $crate::protocol::codec::declare::field_type!($type $($attribute)*), )*
        }

        impl Default for $name {
            fn default() -> Self {
                let mut fields = <Self as Entity>::SCHEMA.fields.iter().map(|field| field.initial);
                Self { $( $field: Value::initial(fields.next().unwrap_or(Initial::Zero)), )* }
            }
        }

        impl Entity for $name {
            const SCHEMA: &'static EntitySchema = &EntitySchema {
                name: stringify!($name),
                fields: &[ $(
                    $crate::protocol::codec::declare::field!(
                        $field, $crate::protocol::codec::declare::field_type!($type $($attribute)*)
                    )
                    $( .versions($crate::protocol::codec::declare::range!($($range)*)) )?
                    $( .$attribute($($argument)?) )*
                    $( .initial($initial as i128) )?,
                )* ],
            };

            fn read<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
                let mut n = 0;
                $( source.field(&Self::SCHEMA.fields[n], &mut self.$field)?; n += 1; )*
                debug_assert_eq!(n, Self::SCHEMA.fields.len());
                Ok(())
            }

            fn write<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
                let mut n = 0;
                $( sink.field(&Self::SCHEMA.fields[n], &self.$field)?; n += 1; )*
                debug_assert_eq!(n, Self::SCHEMA.fields.len());
                Ok(())
            }
        }

        $( $crate::protocol::codec::declare::nested! { $type } )*
    };
}

macro_rules! field {
    ($field:ident, $type:ty) => {
        Field::new(stringify!($field), <$type as Value>::KIND)
    };
}

/// Declares what a field spells out.
macro_rules! nested {
    ([ $name:ident { $($fields:tt)* } ]) => {
        $crate::protocol::codec::declare::entity! { $name { $($fields)* } }
    };
    (( $name:ident { $($fields:tt)* } )) => {
        $crate::protocol::codec::declare::entity! { $name { $($fields)* } }
    };
    ($($other:tt)*) => {};
}

macro_rules! range {
    ($first:literal ..) => {
        Versions::new($first, i16::MAX)
    };
    ($first:literal ..= $last:literal) => {
        Versions::new($first, $last)
    };
    ($only:literal) => {
        Versions::new($only, $only)
    };
}

/// The type of a field: an option when one of its attributes makes it nullable.
macro_rules! field_type {
    ($type:tt) => { $crate::protocol::codec::declare::base_type!($type) };
    ($type:tt nullable $($rest:ident)*) => { Option<$crate::protocol::codec::declare::base_type!($type)> };
    ($type:tt nullable_since $($rest:ident)*) => {
        Option<$crate::protocol::codec::declare::base_type!($type)>
    };
    ($type:tt $other:ident $($rest:ident)*) => {
        $crate::protocol::codec::declare::field_type!($type $($rest)*)
    };
}

macro_rules! base_type {
    (str) => { String };
    (bytes) => { Bytes };
    (records) => { Records };
    (uuid) => { Uuid };
    ([ $name:ident { $($fields:tt)* } ]) => { Vec<$name> };
    (( $name:ident { $($fields:tt)* } )) => { $name };
    ([ $type:ident ]) => { Vec<$crate::protocol::codec::declare::base_type!($type)> };
    (( $name:ident )) => { $name };
    ($type:ident) => { $type };
}

/// Names that declarations use.
pub(in crate::protocol) mod imports {
    pub(in crate::protocol) use bytes::Bytes;
    pub(in crate::protocol) use uuid::Uuid;

    pub(in crate::protocol) use super::super::schema::NULL as null;
    pub(in crate::protocol) use super::super::{
        Entity, EntitySchema, Field, Initial, Records, Sink, Source, Value, Versions,
    };
}

pub(in crate::protocol) use {base_type, entity, field, field_type, message, nested, range, root};
