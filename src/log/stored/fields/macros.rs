//! Declarations of fields; see the module above.

/// Declares fields of a struct: the struct with them, or of one that is there.
macro_rules! fields {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$doc:meta])* $field:ident $([$since:literal ..])? : $type:ty $(as $codec:expr)? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $( $(#[$doc])* pub $field: $type, )* }

        $crate::log::fields::fields!($name { $( $field $([$since ..])? $(as $codec)? ),* });
    };
    ($name:ident { $($fields:tt)* } $(but { $($other:ident: $value:expr),+ })?) => {
        $crate::log::fields::fields!(
            $name { $($fields)* } $(but { $($other: $value),+ })?
            by _codec: $crate::log::fields::Plain
        );
    };
    (
        $name:ident { $( $field:ident $([$since:literal ..])? $(as $codec:expr)? ),* $(,)? }
        $(but { $($other:ident: $value:expr),+ })?
        by $by:ident: $by_type:ty
    ) => {
        impl $crate::log::fields::Codec<$name> for $by_type {
            fn put(&self, value: &$name, into: &mut impl $crate::log::fields::Sink) {
                let ($by, $name { $($field,)* .. }) = (self, value);
                let _ = $by;
                $( $crate::log::fields::Codec::put(&$crate::log::fields::codec!($($codec)?), $field, into); )*
            }

            fn get(&self, from: &mut $crate::log::fields::Reader<'_>) -> Option<$name> {
                let $by = self;
                $(
                    let $field = $(if from.version() < $since { Default::default() } else)? {
                        $crate::log::fields::Codec::get(&$crate::log::fields::codec!($($codec)?), from)?
                    };
                )*
                Some($name { $($field,)* $($($other: $value,)+)? })
            }
        }

        #[cfg(test)]
        impl $crate::log::fields::tests::Sample<$name> for $by_type {
            fn sample(&self, random: &mut $crate::log::fields::tests::Random) -> $name {
                let $by = self;
                $(
                    let $field = $crate::log::fields::tests::Sample::sample(
                        &$crate::log::fields::codec!($($codec)?),
                        random,
                    );
                )*
                $name { $($field,)* $($($other: $value,)+)? }
            }
        }
    };
}

/// The codec of a field.
macro_rules! codec {
    () => {
        $crate::log::fields::Plain
    };
    ($codec:expr) => {
        $codec
    };
}

/// Declares the byte that stands for each value of an enum without fields.
macro_rules! codes {
    ($name:ident { $($value:ident = $code:literal),+ $(,)? }) => {
        impl $crate::log::fields::Codec<$name> for $crate::log::fields::Plain {
            fn put(&self, value: &$name, into: &mut impl $crate::log::fields::Sink) {
                into.write(&[match value { $($name::$value => $code),+ }]);
            }

            fn get(&self, from: &mut $crate::log::fields::Reader<'_>) -> Option<$name> {
                match from.take(1)? {
                    $([$code] => Some($name::$value),)+
                    _ => None,
                }
            }
        }

        #[cfg(test)]
        impl $crate::log::fields::tests::Sample<$name> for $crate::log::fields::Plain {
            fn sample(&self, random: &mut $crate::log::fields::tests::Random) -> $name {
                random.one_of([$($name::$value),+])
            }
        }
    };
}

pub(crate) use {codec, codes, fields};
