//! Settings that are one of a few words.

use super::found::{FromValue, Value};
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

    /// The protocols of listeners, as Kafka names them (`SecurityProtocol`).
    Protocol {
        Plaintext = "PLAINTEXT",
        Ssl = "SSL",
        SaslPlaintext = "SASL_PLAINTEXT",
        SaslSsl = "SASL_SSL",
    }

    /// The depth to which batches are checked.
    Validation { Full = "full", Headers = "headers", }

    /// The shape of log lines.
    LogFormat { Pretty = "pretty", Json = "json", }
}

impl Protocol {
    pub fn of(has_tls: bool, has_sasl: bool) -> Protocol {
        match (has_tls, has_sasl) {
            (false, false) => Protocol::Plaintext,
            (true, false) => Protocol::Ssl,
            (false, true) => Protocol::SaslPlaintext,
            (true, true) => Protocol::SaslSsl,
        }
    }

    /// The protocol of this name, whatever its case.
    pub(super) fn named(name: &str) -> Option<Protocol> {
        let word = Protocol::WORDS.iter().find(|word| word.eq_ignore_ascii_case(name))?;
        Protocol::from_value(&Value::Text((*word).to_owned()))
    }

    pub fn has_tls(self) -> bool {
        matches!(self, Protocol::Ssl | Protocol::SaslSsl)
    }

    pub fn has_sasl(self) -> bool {
        matches!(self, Protocol::SaslPlaintext | Protocol::SaslSsl)
    }
}

impl FromValue for MigrationPolicy {
    fn from_value(value: &Value) -> Option<MigrationPolicy> {
        let word = value.text()?;
        MigrationPolicy::ALL.into_iter().find(|policy| policy.name() == word)
    }
}
