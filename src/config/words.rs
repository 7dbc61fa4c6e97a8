//! Settings that are one of a few words.

use super::values::{FromValue, Value};
use crate::settings::MigrationPolicy;

macro_rules! words {
    ($( $(#[$about:meta])* $name:ident { $( $choice:ident = $word:literal, )* } )*) => { $(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($choice,)* }

        impl $name {
            pub(super) const WORDS: &'static [&'static str] = &[$($word,)*];

            pub fn word(self) -> &'static str {
                match self {
                    $($name::$choice => $word,)*
                }
            }
        }

        impl FromValue for $name {
            fn from_value(value: &Value) -> Option<$name> {
                match value.text()? {
                    $($word => Some($name::$choice),)*
                    _ => None,
                }
            }
        }
    )* };
}

words! {
    /// The kinds of object store.
    StoreKind { Local = "local", S3 = "s3", Gcs = "gcs", Azure = "azure", }

    /// The depth to which batches are checked.
    Validation { Full = "full", Headers = "headers", }

    /// The shape of log lines.
    LogFormat { Pretty = "pretty", Json = "json", }
}

impl FromValue for MigrationPolicy {
    fn from_value(value: &Value) -> Option<MigrationPolicy> {
        let word = value.text()?;
        MigrationPolicy::ALL.into_iter().find(|policy| policy.name() == word)
    }
}
