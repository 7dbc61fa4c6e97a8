//! A store that misbehaves on purpose.
