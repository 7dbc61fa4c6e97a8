//! Whose offsets are taken.

use super::*;
use crate::coordinator::group::{CommitRefusal, Committer, Reader};
use crate::types::Partition;

fn by(member_id: &str, epoch: i32) -> Committer<'_> {
    Committer { member_id, instance: None, generation: epoch, is_transactional: false, version: 9 }
}

#[test]
fn the_current_epoch_may_commit_anything_and_no_other_member_may() {
    let mut harness = Harness::new();
    harness.topics.put("t", 1);
    harness.join("a", &["t"]);
    let group = harness.group();
    assert_eq!(group.check_commit(by("a", 2), &[]), Ok(()));
    assert_eq!(group.check_commit(by("a", 3), &[]), Err(CommitRefusal::StaleEpoch));
    assert_eq!(group.check_commit(by("b", 2), &[]), Err(CommitRefusal::UnknownMember));
    assert_eq!(group.check_commit(by("", -1), &[]), Err(CommitRefusal::UnknownMember));
    assert_eq!(
        group.check_commit(Committer { version: 8, ..by("a", 2) }, &[]),
        Err(CommitRefusal::OldVersion)
    );
    let transactional = Committer { is_transactional: true, ..by("", -1) };
    assert_eq!(group.check_commit(transactional, &[]), Ok(()));
    assert_eq!(group.check_fetch(Reader { member_id: Some("a"), member_epoch: 2 }), Ok(()));
    assert_eq!(
        group.check_fetch(Reader { member_id: Some("a"), member_epoch: 1 }),
        Err(CommitRefusal::StaleEpoch)
    );
    assert_eq!(group.check_fetch(Reader { member_id: None, member_epoch: -1 }), Ok(()));
    assert_eq!(
        group.check_fetch(Reader { member_id: Some("b"), member_epoch: 2 }),
        Err(CommitRefusal::UnknownMember)
    );
}

#[test]
fn an_earlier_epoch_may_commit_what_the_member_has_held_since() {
    let mut harness = Harness::new();
    let topic = harness.topics.put("t", 1);
    harness.join("a", &["t"]);
    harness.topics.put("t", 2);
    harness.send(&beating("a", 2)).unwrap();
    let check = |index| harness.group().check_commit(by("a", 2), &[Partition { topic, index }]);
    assert_eq!(check(0), Ok(()));
    assert_eq!(check(1), Err(CommitRefusal::StaleEpoch), "given in epoch 3");
    assert_eq!(check(2), Err(CommitRefusal::StaleEpoch), "never given");
}

#[test]
fn an_empty_group_lets_anybody_commit_who_is_no_member() {
    let mut harness = Harness::new();
    harness.topics.put("t", 1);
    harness.join("a", &["t"]);
    harness.send(&beating("a", LEAVING)).unwrap();
    assert_eq!(harness.group().check_commit(by("", -1), &[]), Ok(()));
    assert_eq!(harness.group().check_commit(by("a", 2), &[]), Err(CommitRefusal::UnknownMember));
}
