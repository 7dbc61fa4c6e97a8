//! Takeovers under random interleavings of owners, on a simulated store.
//! [`sim`] drives the real decisions; [`model`] is the rules alone, with switches to turn them off.
//! Entry points: the tests below and in both.
//! Invariant: a seed names one interleaving for ever.

mod model;
mod sim;

use super::{Action, Collision, Event, Identity, Step, Tail, Takeover, judge};
use crate::log::segment::{Header, Kind};

pub fn header(kind: Kind, epoch: u64, nonce: u128, window: u16) -> Header {
    Header {
        kind,
        window,
        epoch,
        nonce,
        row_count: 0,
        rows_len: 0,
        payload_position: 68,
        payload_len: 0,
        rows_crc: 0,
        payload_crc: 0,
    }
}

const OWN: Identity = Identity { epoch: 5, nonce: 55 };

#[test]
fn a_collision_is_judged_by_epoch_and_nonce() {
    assert_eq!(judge(OWN, &header(Kind::Fence, 5, 55, 1)), Collision::Landed);
    assert_eq!(judge(OWN, &header(Kind::Data, 4, 55, 1)), Collision::Occupied);
    assert_eq!(judge(OWN, &header(Kind::Data, 6, 1, 1)), Collision::Superseded);
    assert_eq!(
        judge(OWN, &header(Kind::Fence, 5, 1, 1)),
        Collision::Superseded,
        "somebody else with our epoch"
    );
}

#[test]
fn an_empty_log_is_fenced_at_its_first_id() {
    let mut takeover = Takeover::new(OWN, 1, 0);
    assert_eq!(takeover.start(), Step::Do(vec![Action::List { from: 0 }]));
    assert_eq!(takeover.on(Event::Listed(vec![])), Step::Do(vec![Action::Confirm]));
    let create = Action::Create { id: 1, kind: Kind::Fence, window: 1 };
    assert_eq!(takeover.on(Event::Confirmed), Step::Do(vec![create]));
    let tail = Tail { fence: 1, first_segment: 2, start_epoch: 0 };
    assert_eq!(takeover.on(Event::Created(1)), Step::Done(tail));
}

/// Up to the creation of the fence, for a log with ids 3 and 4 behind the replay point 2.
fn at_fence(window: u16) -> Takeover {
    let mut takeover = Takeover::new(OWN, window, 2);
    let step = takeover.on(Event::Listed(vec![2, 3, 4]));
    let reads = [Action::Confirm, Action::ReadHeader { id: 2 }, Action::ReadHeader { id: 4 }];
    assert_eq!(step, Step::Do(reads.to_vec()));
    assert_eq!(takeover.on(Event::Confirmed), Step::Do(vec![]));
    assert_eq!(takeover.on(Event::Found(2, header(Kind::Fence, 3, 1, 1))), Step::Do(vec![]));
    let create = Action::Create { id: 5, kind: Kind::Fence, window };
    assert_eq!(takeover.on(Event::Found(4, header(Kind::Data, 3, 2, window))), Step::Do(vec![create]));
    takeover
}

#[test]
fn the_fence_goes_behind_the_last_segment_and_replay_starts_with_the_epoch_at_the_replay_point() {
    let mut takeover = at_fence(1);
    let tail = Tail { fence: 5, first_segment: 6, start_epoch: 3 };
    assert_eq!(takeover.on(Event::Created(5)), Step::Done(tail));
    assert_eq!(takeover.replayed(&tail), 3..=5);
}

#[test]
fn a_late_segment_of_an_older_owner_moves_the_fence() {
    let mut takeover = at_fence(1);
    assert_eq!(takeover.on(Event::Collided(5)), Step::Do(vec![Action::ReadHeader { id: 5 }]));
    let create = Action::Create { id: 6, kind: Kind::Fence, window: 1 };
    assert_eq!(takeover.on(Event::Found(5, header(Kind::Data, 3, 9, 1))), Step::Do(vec![create]));
    let tail = Tail { fence: 6, first_segment: 7, start_epoch: 3 };
    assert_eq!(takeover.on(Event::Created(6)), Step::Done(tail));
}

#[test]
fn a_refused_create_without_an_object_is_tried_again() {
    let mut takeover = at_fence(1);
    takeover.on(Event::Collided(5));
    let create = Action::Create { id: 5, kind: Kind::Fence, window: 1 };
    assert_eq!(takeover.on(Event::Missing(5)), Step::Do(vec![create]));
}

#[test]
fn our_own_fence_in_the_way_is_the_fence() {
    let mut takeover = at_fence(1);
    takeover.on(Event::Collided(5));
    let tail = Tail { fence: 5, first_segment: 6, start_epoch: 3 };
    assert_eq!(takeover.on(Event::Found(5, header(Kind::Fence, 5, 55, 1))), Step::Done(tail));
}

#[test]
fn a_newer_owner_ends_the_takeover() {
    let mut takeover = at_fence(1);
    takeover.on(Event::Collided(5));
    assert_eq!(takeover.on(Event::Found(5, header(Kind::Fence, 6, 1, 1))), Step::Fenced);
    let mut takeover = Takeover::new(OWN, 1, 0);
    takeover.on(Event::Listed(vec![1]));
    assert_eq!(takeover.on(Event::Superseded), Step::Fenced);
}

#[test]
fn ids_that_an_older_owner_may_have_in_flight_are_fenced_too() {
    let mut takeover = at_fence(3);
    let closing = |id| Action::Create { id, kind: Kind::WindowFence, window: 3 };
    assert_eq!(takeover.on(Event::Created(5)), Step::Do(vec![closing(6), closing(7)]));
    assert_eq!(takeover.on(Event::Collided(6)), Step::Do(vec![Action::ReadHeader { id: 6 }]));
    assert_eq!(takeover.on(Event::Created(7)), Step::Do(vec![]));
    let tail = Tail { fence: 5, first_segment: 8, start_epoch: 3 };
    assert_eq!(takeover.on(Event::Found(6, header(Kind::Data, 3, 9, 3))), Step::Done(tail));
}

#[test]
fn a_missing_object_at_the_replay_point_is_not_taken_for_an_empty_log() {
    let mut takeover = Takeover::new(OWN, 1, 2);
    assert!(matches!(takeover.on(Event::Listed(vec![3])), Step::Broken(_)));
}
