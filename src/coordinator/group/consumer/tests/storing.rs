//! Stored rows of a group.

use proptest::prelude::*;

use super::super::reconcile::{self, Progress};
use super::super::stored::Key;
use super::*;
use crate::coordinator::group::assignor::Assignor;
use crate::log::fields::Plain;
use crate::log::fields::tests::{Random, Sample, check_round_trip};
use crate::log::keys;

fn every_kind_of_row() -> Vec<Row> {
    let topic = TopicId(Uuid::from_u128(7));
    let held = |epoch| Held::from([(topic, BTreeMap::from([(0, epoch), (3, epoch)]))]);
    let names: Names = ["t", "u"].map(Arc::from).into();
    let protocol = classic::Protocol { name: "range".into(), metadata: Bytes::from_static(b"m") };
    let member = Member {
        instance: Some("i".into()),
        rack: Some("r".into()),
        client_id: "c".into(),
        client_host: "/h".into(),
        rebalance_timeout_ms: 5,
        topics: Arc::new(names.clone()),
        pattern: Some("p.*".into()),
        assignor: Some(Assignor::Range),
        classic: Some(Classic { session_timeout_ms: 6, protocols: [protocol].into() }),
        ..Member::new("m".into())
    };
    let progress = Progress {
        epoch: 4,
        previous_epoch: 3,
        state: reconcile::State::Waiting,
        assigned: held(4),
        revoking: held(2),
    };
    vec![
        Row::Head(Some(Head { epoch: 5, metadata_hash: u64::MAX - 1, assignment_epoch: 4, assigned_ms: 9 })),
        Row::Member("m".into(), Some(Arc::new(member))),
        Row::Member("plain".into(), Some(Arc::new(Member::new("plain".into())))),
        Row::Target("m".into(), Some(Arc::new(of(topic, [0, 3])))),
        Row::Progress("m".into(), Some(Arc::new(progress))),
        Row::Pattern("p.*".into(), Some(Arc::new(names))),
    ]
}

fn decoded(key: &[u8], value: Bytes) -> Option<(String, Row)> {
    Row::decode(Tag::ConsumerGroup, key, value).ok()
}

#[test]
fn rows_are_read_back_as_they_were_written() {
    for row in every_kind_of_row() {
        assert_eq!(decoded(&row.key("g"), row.value().unwrap()), Some(("g".to_owned(), row)));
    }
}

impl Sample<Option<Assignor>> for Plain {
    fn sample(&self, random: &mut Random) -> Option<Assignor> {
        random.one_of([None, Some(Assignor::Range), Some(Assignor::Uniform)])
    }
}

proptest! {
    #[test]
    fn rows_of_any_fields_come_back(seed in any::<u64>()) {
        let random = &mut Random(seed);
        check_round_trip::<Head>(random);
        check_round_trip::<Member>(random);
        check_round_trip::<Assignment>(random);
        check_round_trip::<Progress>(random);
        check_round_trip::<Names>(random);
        let key: Key = Plain.sample(random);
        assert_eq!(keys::fields_of(Tag::ConsumerGroup, &keys::key(Tag::ConsumerGroup, &key)), Ok(key));
    }
}

#[test]
fn rows_look_as_they_always_did() {
    let hex = |bytes: &Bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let rows: String = every_kind_of_row()
        .iter()
        // Behind the kind of row and the group's id.
        .map(|row| format!("{} {}\n", hex(&row.key("").slice(3..)), hex(&row.value().unwrap())))
        .collect();
    assert_eq!(rows, include_str!("golden.hex"));
}

#[test]
fn rows_cut_short_or_too_long_are_refused() {
    for row in every_kind_of_row() {
        let value = row.value().unwrap();
        for end in 0..value.len() {
            assert_eq!(decoded(&row.key("g"), value.slice(..end)), None, "{row:?} to {end}");
        }
        let longer: Bytes = [&value[..], &[0]].concat().into();
        assert_eq!(decoded(&row.key("g"), longer), None);
    }
    let head = Row::Head(Some(Head::default()));
    for key in [&b""[..], b"\x08\x00\x01g", b"\x08\x00\x01g\x09", b"\x06\x00\x01g\x00"] {
        assert_eq!(decoded(key, head.value().unwrap()), None);
    }
}

#[test]
fn a_loaded_group_goes_on_where_it_was_and_sessions_begin_anew() {
    let mut harness = Harness::new();
    harness.topics.put("t", 4);
    let all = harness.join("a", &["t"]).assignment.unwrap();
    harness.join("b", &["t"]);
    harness.beat("a", 2, &all).unwrap();
    let before = harness.group().clone();

    harness.put(harness.loaded());
    harness.timers.clear();
    harness.decide(Whole::begin);
    let of_rebalance = harness.timers.keys().filter(|timer| matches!(timer, Timer::Rebalance(_)));
    assert_eq!((harness.timers.len(), of_rebalance.count()), (3, 1));
    let written = harness.written;
    assert_eq!(harness.send(&beating("b", 3)).unwrap().assignment, None);
    assert_eq!(harness.beat("a", 2, &all).unwrap().assignment, None);
    assert_eq!((harness.written, harness.group().epoch()), (written, before.epoch()));
    for timer in [Timer::Session("a".into()), Timer::Rebalance("a".into())] {
        assert!(harness.group().full_time_ms(&timer, &harness.world()) >= 45_000);
    }
}
