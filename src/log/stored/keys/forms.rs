//! Forms of rows, by the level of the cluster that allows to write them.

use super::{RowError, Tag};

/// A version of a kind of row, and the level from which on it may be written: all brokers can read it then.
type Form = (Tag, u8, u16);

/// No level allows it yet.
const NONE_YET: u16 = u16::MAX;
/// Older than clusters whose brokers may differ.
const ALWAYS: u16 = 0;

/// Each kind's newest form of all levels, and a line more for each that came later. What has no line is not written.
const FORMS: &[Form] = &[
    (Tag::Extent, 1, ALWAYS),
    (Tag::Extent, 2, NONE_YET),
    (Tag::Snapshot, 1, ALWAYS),
    (Tag::LogStart, 2, ALWAYS),
    (Tag::LeaderEpoch, 1, ALWAYS),
    (Tag::FlushMarker, 1, ALWAYS),
    (Tag::ClassicGroup, 1, ALWAYS),
    (Tag::CommittedOffset, 1, ALWAYS),
    (Tag::ConsumerGroup, 1, ALWAYS),
    (Tag::Served, 1, ALWAYS),
    (Tag::Lost, 1, ALWAYS),
    (Tag::Topic, 1, ALWAYS),
];

/// Fails if a row is of a form that may not be written at this level of the cluster. Removals always may.
pub fn check<'a>(
    level: u16,
    rows: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
) -> Result<(), RowError> {
    rows.into_iter().try_for_each(|(key, value)| check_one(FORMS, level, key, value))
}

fn check_one(forms: &[Form], level: u16, key: &[u8], value: Option<&[u8]>) -> Result<(), RowError> {
    let Some(value) = value else { return Ok(()) };
    let (kind, version) = (first(key), first(value));
    let allows = |(tag, newest, since): &Form| *tag as u8 == kind && version <= *newest && *since <= level;
    if forms.iter().any(allows) { Ok(()) } else { Err(RowError::NotAtLevel { kind, version, level }) }
}

/// The kind of a key, or the version of a value.
fn first(bytes: &[u8]) -> u8 {
    bytes.first().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_came_later_is_written_from_its_level_on() {
        let forms = [(Tag::Topic, 1, ALWAYS), (Tag::Topic, 2, 7)];
        let topic = |level, version| check_one(&forms, level, &[Tag::Topic as u8, 9], Some(&[version, 5]));
        let refused = |level, version| Err(RowError::NotAtLevel { kind: 11, version, level });
        assert_eq!((topic(6, 1), topic(7, 1), topic(7, 2)), (Ok(()), Ok(()), Ok(())));
        assert_eq!((topic(6, 2), topic(7, 3)), (refused(6, 2), refused(7, 3)));
        assert_eq!(check_one(&forms, 0, &[Tag::Topic as u8, 9], None), Ok(()), "it is removed");
    }

    #[test]
    fn one_row_of_a_form_without_a_level_is_enough_to_refuse_all() {
        let known: (&[u8], _) = (&[Tag::LogStart as u8], Some(&[2u8, 0][..]));
        let later: (&[u8], _) = (&[Tag::LogStart as u8], Some(&[3u8, 0][..]));
        let unknown: (&[u8], _) = (&[0xf0], Some(&[1u8][..]));
        assert_eq!(check(0, [known, known]), Ok(()));
        for refused in [later, unknown] {
            assert!(check(u16::MAX, [known, refused]).is_err());
        }
        let said = check(6, [later]).expect_err("refused").to_string();
        assert_eq!(said, "row of kind 3, version 3, which level 6 of the cluster does not allow to write");
    }
}
