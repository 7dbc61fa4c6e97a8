use std::time::Duration;

use proptest::prelude::*;

use super::marks::Marks;
use super::{Collected, is_due, rule};
use crate::log::stored::segment::Kind;

#[test]
fn nothing_goes_at_or_above_the_limit_or_by_name_or_as_first_fence() {
    let limit = rule::limit(10, 20, 15);
    assert_eq!((limit, rule::limit(30, 20, 25)), (10, 20));
    assert_eq!(rule::limit(10, 20, 9), 9, "no segment says yet how new the index is");
    assert!(rule::may_go(9, limit, Kind::Data, false));
    assert!(!rule::may_go(9, limit, Kind::Data, true), "an extent names it");
    assert!(!rule::may_go(10, limit, Kind::Data, false), "its epoch is where a replay starts");
    assert!(!rule::may_go(11, limit, Kind::Data, false), "a replay reads it");
    assert!(rule::may_go(9, limit, Kind::WindowFence, false));
    assert!(!rule::may_go(9, limit, Kind::Fence, false), "late PUTs must meet it");
}

#[test]
fn a_collection_waits_until_it_is_worth_reading_all_rows() {
    let few = Collected { extents: 10, retained_bytes: 1 << 30, ..Collected::default() };
    let many = Collected { extents: 1_000_000, ..few };
    let minute = Duration::from_secs(60);
    assert!(!is_due(&few, 0, false, 10, minute));
    assert!(is_due(&few, 1, false, 10, minute));
    assert!(is_due(&few, 0, true, 10, minute));
    assert!(!is_due(&many, 1, true, 10, minute));
    assert!(is_due(&many, 1 << 27, false, 10, minute), "an eighth of what is kept");
    assert!(is_due(&many, 1, false, 10, Duration::from_secs(7 * 3600)));
    assert!(is_due(&few, 0, false, 1_024, minute), "segments without extents add up");
    assert!(!is_due(&many, 0, false, 1_024, minute));
}

proptest! {
    #[test]
    fn marks_are_a_set(ids in proptest::collection::btree_set(0..20_000u64, 0..200), far in any::<u64>()) {
        let mut marks = Marks::default();
        ids.iter().for_each(|id| marks.insert(*id));
        for id in 0..20_000 {
            prop_assert_eq!(marks.contains(id), ids.contains(&id));
        }
        marks.insert(far);
        prop_assert!(marks.contains(far));
    }
}
