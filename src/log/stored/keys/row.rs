//! Declarations of rows.
//!
//! ```text
//! row! {
//!     struct Name = TAG, "name", versions FIRST..=LAST;
//!     written in VERSION, served if CHECK;    methods; without this line: in the last version, and all are served
//!     of { FIELD, .. }        what the row is about: fields of the key alone
//!     key { FIELD, .. }       fields of the key that are part of the row
//!     value { FIELD, .. }     fields of the value
//!     where CONDITION;        what holds of every row; another is malformed
//! }
//! ```
//!
//! Fields are those of [`fields`](crate::log::stored::fields). From the table come the struct, `key` (of all
//! fields of the key), `value`, `value_len`, `decode`, `read` (which also reads what is not served), and `check_round_trip`
//! for tests.

pub use std::collections::BTreeMap;

pub use bytes::{Bytes, BytesMut};

#[cfg(test)]
pub use super::tests::check_decoding;
pub use super::{Object, RowError, Tag};
#[cfg(test)]
pub use crate::log::stored::fields::tests::{Random, Sample};
pub use crate::log::stored::fields::*;
pub use crate::types::{LeaderEpoch, Partition, ShardId, TopicId};

/// Declares a row; see the module.
macro_rules! row {
    (
        $(#[$meta:meta])*
        pub struct $name:ident = $tag:expr, $label:literal, versions $first:literal ..= $last:literal;
        $(written in $form:ident, served if $check:ident;)?
        of { $( $of:ident : $of_type:ty $(as $of_codec:expr)? ),* $(,)? }
        key { $( $(#[$key_doc:meta])* $key:ident : $key_type:ty $(as $key_codec:expr)? ),* $(,)? }
        value {
            $( $(#[$doc:meta])* $field:ident $([$since:literal ..])? : $type:ty $(as $codec:expr)? ),* $(,)?
        }
        $(where $condition:expr;)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$key_doc])* pub $key: $key_type, )*
            $( $(#[$doc])* pub $field: $type, )*
        }

        impl $name {
            pub fn key($($of: $of_type,)* $($key: $key_type,)*) -> Bytes {
                let mut length = Length::default();
                $name::put_key(&mut length, $(&$of,)* $(&$key,)*);
                let mut into = BytesMut::with_capacity(length.0);
                $name::put_key(&mut into, $(&$of,)* $(&$key,)*);
                into.freeze()
            }

            fn put_key(into: &mut impl Sink, $($of: &$of_type,)* $($key: &$key_type,)*) {
                into.write(&[$tag as u8]);
                $( codec!($($of_codec)?).put($of, into); )*
                $( codec!($($key_codec)?).put($key, into); )*
            }

            fn put(&self, into: &mut impl Sink) {
                let $name { $($field,)* .. } = self;
                let version = [$(self.$form(),)? $last][0];
                into.write(&[version]);
                $( $(if version >= $since)? { codec!($($codec)?).put($field, into) } )*
            }

            /// Number of bytes of the value.
            pub fn value_len(&self) -> usize {
                let mut length = Length::default();
                self.put(&mut length);
                length.0
            }

            pub fn value(&self) -> Bytes {
                let mut into = BytesMut::with_capacity(self.value_len());
                self.put(&mut into);
                into.freeze()
            }

            /// Reads a stored row back, of any form that is served.
            #[allow(unused_parens, reason = "of nothing, it is the row alone")]
            pub fn decode(key: &[u8], value: &[u8]) -> Result<($($of_type,)* $name), RowError> {
                let ($($of,)* row) = $name::read(key, value)?;
                $( row.$check()?; )?
                Ok(($($of,)* row))
            }

            #[allow(unused_parens, reason = "of nothing, it is the row alone")]
            pub(super) fn read(key: &[u8], value: &[u8]) -> Result<($($of_type,)* $name), RowError> {
                if let Some(&version) = value.first().filter(|version| **version > $last) {
                    return Err(RowError::TooNew { row: $label, version, latest: $last });
                }
                let read = || {
                    let mut from = Reader::new(key);
                    (from.take(1)? == [$tag as u8]).then_some(())?;
                    $( let $of: $of_type = codec!($($of_codec)?).get(&mut from)?; )*
                    $( let $key: $key_type = codec!($($key_codec)?).get(&mut from)?; )*
                    from.end()?;
                    let mut from = Reader::versioned(value, $first..=$last)?;
                    $(
                        let $field: $type = $(if from.version() < $since { Default::default() } else)? {
                            codec!($($codec)?).get(&mut from)?
                        };
                    )*
                    from.end()?;
                    $( if !($condition) { return None; } )?
                    Some(($($of,)* $name { $($key,)* $($field,)* }))
                };
                read().ok_or(RowError::Malformed($label))
            }
        }

        #[cfg(test)]
        impl $name {
            /// Checks that a row of any fields comes back, and that no other bytes do.
            #[allow(clippy::never_loop, unused_parens)]
            pub(super) fn check_round_trip(random: &mut Random) {
                loop {
                    $( let $of: $of_type = codec!($($of_codec)?).sample(random); )*
                    $( let $key: $key_type = codec!($($key_codec)?).sample(random); )*
                    $( let $field: $type = codec!($($codec)?).sample(random); )*
                    $( if !($condition) { continue; } )?
                    let stored_key = $name::key($($of.clone(),)* $($key.clone(),)*);
                    let row = $name { $($key,)* $($field,)* };
                    let value = row.value();
                    assert_eq!(value.len(), row.value_len());
                    return check_decoding(&stored_key, &value, ($($of,)* row), $name::read);
                }
            }
        }
    };
}

pub(super) use row;
