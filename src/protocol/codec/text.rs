//! Strings that are not UTF-8, read as Java reads them.

use std::borrow::Cow;

/// Of the replacement character.
const REPLACEMENT_BYTES: usize = char::REPLACEMENT_CHARACTER.len_utf8();

/// The most bytes that [`replaced`] makes of `length`.
pub(super) const fn most_bytes(length: usize) -> usize {
    length * REPLACEMENT_BYTES
}

/// The text in `bytes`, uncopied if it is UTF-8.
pub(in crate::protocol) fn read(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(replaced(bytes)),
    }
}

/// The text in `bytes`, with a replacement character for each part that is not UTF-8.
///
/// Such a part is the longest beginning of a character that there is, as in the standard library. Java differs in
/// one: the three bytes of half a surrogate pair, or two of them, are one part.
pub(super) fn replaced(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(most_bytes(bytes.len()));
    let mut surrogate = 0;
    for chunk in bytes.utf8_chunks() {
        let follows = chunk.valid().is_empty();
        text.push_str(chunk.valid());
        surrogate = match (surrogate, chunk.invalid()) {
            (_, []) => 0,
            (1, [0xa0..=0xbf]) if follows => 2,
            (2, [0x80..=0xbf]) if follows => 0,
            (_, invalid) => {
                text.push(char::REPLACEMENT_CHARACTER);
                usize::from(invalid == [0xed])
            }
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf8_is_replaced_as_in_java() {
        let replaced = |bytes: &[u8]| replaced(bytes).replace(char::REPLACEMENT_CHARACTER, "?");
        assert_eq!(replaced(b"caf\xe9"), "caf?");
        assert_eq!(replaced(b"\xff\xfe"), "??");
        assert_eq!(replaced(b"\xc0\x80"), "??");
        assert_eq!(replaced(b"\xe2\x82A"), "?A");
        assert_eq!(replaced(b"\xf0\x9f\x98"), "?");
        assert_eq!(replaced(b"\xed\xa0\x80"), "?");
        assert_eq!(replaced(b"\xed\xa0\x80\x80"), "??");
        assert_eq!(replaced(b"\xed\xa0A\x80"), "?A?");
        assert_eq!(replaced(b"\xed\xed\xa0\x80"), "??");
        assert_eq!(replaced(b"\xedA\xa0"), "?A?");
    }

    #[test]
    fn no_room_is_made_beyond_what_may_be_needed() {
        let bytes = [0xff; 1000];
        assert_eq!(super::replaced(&bytes).capacity(), most_bytes(bytes.len()));
    }
}
