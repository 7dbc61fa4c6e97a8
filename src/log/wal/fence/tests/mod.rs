//! Takeovers under random interleavings of owners, on a simulated store.
//! [`sim`] drives the real decisions; [`model`] is the rules alone, with switches to turn them off.
//! Entry points: the tests below and in both.
//! Invariant: a seed names one interleaving for ever; `KAFKAESQUE_SIM_SEEDS` sets which are tried where nothing should go wrong.

mod model;
mod planted;
#[path = "../../../../../tests/sim/seeds.rs"]
mod seeds;
mod sim;

use super::{Action, Collision, Depth, Event, Flaw, Identity, Start, Step, Tail, Takeover, judge};
use crate::log::stored::segment::{Header, Kind, Origin};
use crate::types::{ShardId, WriterEpoch};

pub const SHARD: ShardId = ShardId(7);

pub fn header(kind: Kind, epoch: u64, nonce: u128, window: u16) -> Header {
    Header {
        kind,
        window,
        epoch: WriterEpoch(epoch),
        nonce,
        row_count: 0,
        rows_len: 0,
        payload_position: 68,
        payload_len: 0,
        rows_crc: 0,
        payload_crc: 0,
        origin: None,
    }
}

const OWN: Identity = Identity { epoch: WriterEpoch(5), nonce: 55 };

fn start(window: u16, replay_after: u64) -> Start {
    Start { shard: SHARD, own: OWN, window, replay_after }
}

fn takeover(window: u16, replay_after: u64) -> Takeover {
    Takeover::new(start(window, replay_after))
}

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
    let mut takeover = takeover(1, 0);
    assert_eq!(takeover.start(), Step::Do(vec![Action::List { from: 0 }]));
    assert_eq!(takeover.on(Event::Listed(vec![])), Step::Do(vec![Action::Confirm]));
    let create = Action::Create { id: 1, kind: Kind::Fence, window: 1 };
    assert_eq!(takeover.on(Event::Confirmed), Step::Do(vec![create]));
    let tail = Tail { fence: 1, first_segment: 2, start_epoch: WriterEpoch(0) };
    assert_eq!(takeover.on(Event::Created(1)), Step::Done(tail));
}

/// Up to the creation of the fence, for a log with ids 3 and 4 behind the replay point 2.
fn at_fence(window: u16) -> Takeover {
    let mut takeover = takeover(window, 2);
    let step = takeover.on(Event::Listed(vec![2, 3, 4]));
    let looked_at: &[u64] = if window > 1 { &[2, 3, 4] } else { &[2, 4] };
    let reads = looked_at.iter().map(|id| Action::ReadHeader { id: *id });
    assert_eq!(step, Step::Do(std::iter::once(Action::Confirm).chain(reads).collect()));
    assert_eq!(takeover.on(Event::Confirmed), Step::Do(vec![]));
    assert_eq!(takeover.on(Event::Found(2, header(Kind::Fence, 3, 1, 1))), Step::Do(vec![]));
    if window > 1 {
        assert_eq!(takeover.on(Event::Found(3, header(Kind::Data, 3, 7, window))), Step::Do(vec![]));
    }
    let create = Action::Create { id: 5, kind: Kind::Fence, window };
    assert_eq!(takeover.on(Event::Found(4, header(Kind::Data, 3, 2, window))), Step::Do(vec![create]));
    takeover
}

#[test]
fn the_fence_goes_behind_the_last_segment_and_replay_starts_with_the_epoch_at_the_replay_point() {
    let mut takeover = at_fence(1);
    let tail = Tail { fence: 5, first_segment: 6, start_epoch: WriterEpoch(3) };
    assert_eq!(takeover.on(Event::Created(5)), Step::Done(tail));
    assert_eq!(takeover.replayed(&tail), 3..=5);
}

#[test]
fn a_late_segment_of_an_older_owner_moves_the_fence() {
    let mut takeover = at_fence(1);
    assert_eq!(takeover.on(Event::Collided(5)), Step::Do(vec![Action::ReadHeader { id: 5 }]));
    let create = Action::Create { id: 6, kind: Kind::Fence, window: 1 };
    assert_eq!(takeover.on(Event::Found(5, header(Kind::Data, 3, 9, 1))), Step::Do(vec![create]));
    let tail = Tail { fence: 6, first_segment: 7, start_epoch: WriterEpoch(3) };
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
    let tail = Tail { fence: 5, first_segment: 6, start_epoch: WriterEpoch(3) };
    assert_eq!(takeover.on(Event::Found(5, header(Kind::Fence, 5, 55, 1))), Step::Done(tail));
}

#[test]
fn a_newer_owner_ends_the_takeover() {
    let mut takeover = at_fence(1);
    takeover.on(Event::Collided(5));
    let met = takeover.on(Event::Found(5, header(Kind::Fence, 6, 1, 1)));
    assert_eq!(met, Step::Do(vec![Action::Confirm]));
    assert_eq!(takeover.on(Event::Superseded), Step::Fenced);
    let mut takeover = self::takeover(1, 0);
    takeover.on(Event::Listed(vec![1]));
    assert_eq!(takeover.on(Event::Superseded), Step::Fenced);
}

#[test]
fn an_owner_that_the_stored_epoch_does_not_know_is_damage_and_not_climbed_over() {
    for epoch in [5, 6] {
        let mut takeover = at_fence(1);
        takeover.on(Event::Collided(5));
        takeover.on(Event::Found(5, header(Kind::Fence, epoch, 1, 1)));
        assert_eq!(takeover.on(Event::Confirmed), Step::Broken(Flaw::newer(5)));
    }
}

/// The outcome of looking at a log whose objects are `listed`, with the index at `replay_after`.
fn inspected(replay_after: u64, listed: &[(u64, Header)], depth: Depth) -> Step {
    let mut inspection = Takeover::inspection(start(1, replay_after), depth);
    let mut step = inspection.on(Event::Listed(listed.iter().map(|(id, _)| *id).collect()));
    let mut asked = Vec::new();
    loop {
        match step {
            Step::Do(actions) => asked.extend(actions),
            end => return end,
        }
        step = match asked.pop().expect("an end, or something to do") {
            Action::Confirm => inspection.on(Event::Confirmed),
            Action::ReadHeader { id } => {
                let (_, header) = listed.iter().find(|(listed, _)| *listed == id).expect("listed");
                inspection.on(Event::Found(id, *header))
            }
            action => panic!("{action:?} of an inspection"),
        };
    }
}

/// A segment of epoch 3 that was written when all ids up to `taken_to` were taken.
fn data(id: u64, window: u16, taken_to: u64) -> (u64, Header) {
    let origin = Origin { taken_to, ..Origin::of(SHARD, id) };
    (id, Header { origin: Some(origin), ..header(Kind::Data, 3, u128::from(id), window) })
}

fn fence(id: u64, window: u16) -> (u64, Header) {
    (id, header(Kind::Fence, 3, u128::from(id), window))
}

#[test]
fn a_hole_is_healthy_only_among_segments_that_were_in_flight_together() {
    let lost = |id| Step::Broken(Flaw::missing(id, Flaw::VOUCHED));
    let look = |listed: &[(u64, Header)]| inspected(2, listed, Depth::End);
    assert_eq!(look(&[fence(2, 3), data(3, 3, 2), data(6, 3, 3)]), Step::Sound, "two of three did not land");
    assert_eq!(look(&[fence(2, 3), data(3, 3, 2), data(6, 3, 4)]), lost(4), "it was there once");
    assert_eq!(look(&[fence(2, 3), data(3, 3, 2), data(7, 3, 3)]), lost(4), "too far behind");
    assert_eq!(look(&[fence(2, 3), data(3, 3, 2), fence(5, 3)]), lost(4), "fences lie behind no hole");
    let window_fence = (5, header(Kind::WindowFence, 3, 1, 3));
    assert_eq!(look(&[fence(2, 3), data(3, 3, 2), window_fence]), Step::Sound, "it vouches for nothing");
    let far_back = [fence(2, 3), data(4, 3, 3), data(5, 3, 4), data(6, 3, 5)];
    assert_eq!(look(&far_back), lost(3));
    assert_eq!(look(&[fence(3, 1)]), Step::Broken(Flaw::missing(2, Flaw::REPLAY_POINT)));
}

#[test]
fn an_inspection_sees_what_is_wrong_in_the_middle_only_if_it_looks_there() {
    let copy = (4, data(3, 1, 2).1);
    let log = [fence(2, 1), data(3, 1, 2), copy, data(5, 1, 4), data(6, 1, 5)];
    assert_eq!(inspected(2, &log, Depth::End), Step::Sound);
    assert!(matches!(inspected(2, &log, Depth::All), Step::Broken(Flaw { id: 4, .. })));
}

#[test]
fn an_owner_that_left_a_fence_alone_is_seen_behind_stragglers_of_the_one_before() {
    let newer = (4, header(Kind::Fence, 5, 1, 3));
    let log = [fence(2, 3), data(3, 3, 2), newer, data(5, 3, 3), data(6, 3, 3)];
    assert_eq!(inspected(2, &log, Depth::End), Step::Broken(Flaw::newer(4)));
}

#[test]
fn ids_that_an_older_owner_may_have_in_flight_are_fenced_too() {
    let mut takeover = at_fence(3);
    let closing = |id| Action::Create { id, kind: Kind::WindowFence, window: 3 };
    assert_eq!(takeover.on(Event::Created(5)), Step::Do(vec![closing(6), closing(7)]));
    assert_eq!(takeover.on(Event::Collided(6)), Step::Do(vec![Action::ReadHeader { id: 6 }]));
    assert_eq!(takeover.on(Event::Created(7)), Step::Do(vec![]));
    let tail = Tail { fence: 5, first_segment: 8, start_epoch: WriterEpoch(3) };
    assert_eq!(takeover.on(Event::Found(6, header(Kind::Data, 3, 9, 3))), Step::Done(tail));
}

#[test]
fn a_missing_object_at_the_replay_point_is_not_taken_for_an_empty_log() {
    let mut takeover = takeover(1, 2);
    assert_eq!(takeover.on(Event::Listed(vec![3])), Step::Do(vec![Action::Confirm]));
    assert!(matches!(takeover.on(Event::Confirmed), Step::Broken(_)));
}
