//! Messages to and from the controller, as bytes: the number of their format, then their fields.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Zeros behind a message that is read: fields that came later, at the end, are empty in those of earlier versions.
const LATER_FIELDS: [u8; 16] = [0; 16];

pub fn encode<T: Serialize>(format: u8, message: &T) -> Bytes {
    // Vectors of plain numbers and texts can always be encoded.
    postcard::to_extend(message, vec![format]).unwrap_or_default().into()
}

pub fn decode<T: DeserializeOwned>(format: u8, bytes: &[u8]) -> Option<T> {
    let (_, message) = bytes.split_first().filter(|(first, _)| **first == format)?;
    postcard::from_bytes(&[message, &LATER_FIELDS].concat()).ok()
}
