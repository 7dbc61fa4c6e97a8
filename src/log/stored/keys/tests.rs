use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::log::stored::fields::tests::{Random, Sample};
use crate::types::{LeaderEpoch, ShardId, TopicId, WriterEpoch};

fn partition() -> impl Strategy<Value = Partition> {
    (any::<u128>(), 0..i32::MAX)
        .prop_map(|(topic, index)| Partition { topic: TopicId(Uuid::from_u128(topic)), index })
}

/// Checks that stored bytes are read as this row, and others are not.
pub fn check_decoding<R: PartialEq + std::fmt::Debug>(
    key: &[u8],
    value: &[u8],
    row: R,
    decode: impl Fn(&[u8], &[u8]) -> Result<R, RowError>,
) {
    let row = Ok(row);
    assert_eq!(decode(key, value), row);
    // Text at the end has no length of its own.
    let ends_in_text = decode(key, &[value, b"a"].concat()).is_ok();
    for end in 0..value.len() {
        let cut = decode(key, &value[..end]);
        assert!(cut.is_err() || ends_in_text && cut != row, "value to {end}");
    }
    assert!(decode(key, &[value, &[0xff]].concat()).is_err());
    assert!((0..key.len()).all(|end| decode(&key[..end], value).is_err()));
    assert!(decode(&[key, &[0]].concat(), value).is_err());
}

#[test]
fn a_key_of_another_layer_says_whose_it_is() {
    let stored = key(Tag::FlushMarker, &7u16);
    assert_eq!(stored, Bytes::from_static(&[5, 0, 7]));
    assert_eq!(fields_of(Tag::FlushMarker, &stored), Ok(7u16));
    for other in [&b"\x06\x00\x07"[..], b"\x05\x00", b"\x05\x00\x07\x00", b""] {
        assert!(fields_of::<u16>(Tag::FlushMarker, other).is_err());
    }
}

proptest! {
    #[test]
    fn rows_of_every_kind_come_back(seed in any::<u64>()) {
        let random = &mut Random(seed);
        Extent::check_round_trip(random);
        PartitionSnapshot::check_round_trip(random);
        LogStart::check_round_trip(random);
        LeaderEpochStart::check_round_trip(random);
        CommittedOffset::check_round_trip(random);
        Served::check_round_trip(random);
        Lost::check_round_trip(random);
        KeptTopic::check_round_trip(random);
    }

    #[test]
    fn keys_sort_by_partition_then_offset(
        a in partition(), b in partition(), x in 0..i64::MAX, y in 0..i64::MAX,
    ) {
        let left = (a.topic, a.index, x).cmp(&(b.topic, b.index, y));
        prop_assert_eq!(Extent::key(a, x).cmp(&Extent::key(b, y)), left);
    }

    #[test]
    fn hostile_rows_are_refused(
        tag in 0..12u8,
        key in proptest::collection::vec(any::<u8>(), 0..40),
        value in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut key = key;
        key.insert(0, tag);
        let mut value = value;
        value.insert(0, 1);
        let _ = Extent::decode(&key, &value);
        let _ = PartitionSnapshot::decode(&key, &value);
        let _ = LogStart::decode(&key, &value);
        let _ = LeaderEpochStart::decode(&key, &value);
        let _ = Served::decode(&key[..1], &value);
        let _ = Lost::decode(&key, &value);
        let _ = KeptTopic::decode(&key, &value);
        let _ = CommittedOffset::decode(&key, &value);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_log_start_of_the_first_version_has_nothing_removed() {
    let partition = Partition { topic: TopicId(Uuid::from_u128(7)), index: 5 };
    let value = [&[1][..], &46i64.to_be_bytes()].concat();
    let read = LogStart::decode(&LogStart::key(partition), &value);
    assert_eq!(read, Ok((partition, LogStart { offset: 46, removed_to: 0, removed_bytes: 0 })));
}

fn extent_of(run: ProducerRun) -> Extent {
    Extent {
        base_offset: 40,
        last_offset: 45,
        object: Object::Log(12),
        position: 300,
        length: 512,
        leader_epoch: LeaderEpoch(3),
        max_timestamp: 1_700_000_000_001,
        appended_ms: 1_700_000_000_002,
        producers: vec![run],
        offsets: Offsets::Written,
    }
}

/// Key and value of one row of each kind, as they are stored: if this fails, stored data can no longer be read.
#[test]
fn the_bytes_are_those_of_the_golden_file() {
    let partition =
        Partition { topic: TopicId(Uuid::from_u128(0x00112233_44556677_8899aabb_ccddeeff)), index: 5 };
    let run = ProducerRun {
        producer_id: 1_000,
        producer_epoch: 2,
        first_sequence: 7,
        last_sequence: 9,
        base_offset: 41,
        last_offset: 43,
        timestamp: 1_700_000_000_000,
    };
    let extent = extent_of(run);
    let packed = Extent {
        object: Object::Packed { epoch: WriterEpoch(9), ulid: 0xabc },
        producers: vec![],
        ..extent.clone()
    };
    let of_shard = Extent {
        object: Object::OfShard { shard: ShardId(3), epoch: WriterEpoch(9), ulid: 0xabc },
        ..packed.clone()
    };
    let counted = Extent { offsets: Offsets::OnReading, ..of_shard.clone() };
    let entry =
        ProducerEntry { producer_id: 1_000, producer_epoch: 2, last_appended_ms: 77, batches: vec![run] };
    let snapshot = PartitionSnapshot { next_offset: 46, log_bytes: 9_999, producers: vec![entry] };
    let epoch = LeaderEpochStart { epoch: LeaderEpoch(3), start_offset: 40 };
    let committed = CommittedOffset {
        offset: 45,
        leader_epoch: 3,
        committed_ms: 1_700_000_000_003,
        expires_ms: None,
        metadata: "mine".to_owned(),
    };
    let topic = KeptTopic {
        id: partition.topic,
        name: "orders".to_owned(),
        created_ms: 1_700_000_000_004,
        partitions: 6,
        here: vec![1, 5],
        configs: BTreeMap::from([("retention.ms".to_owned(), "5".to_owned())]),
    };
    let served =
        Served { shard: ShardId(3), index: 1_000, nonce: 0x0123_4567, cluster_id: "kafkaesque".to_owned() };
    let rows = [
        ("extent", Extent::key(partition, 45), extent.value()),
        ("extent-packed", Extent::key(partition, 45), packed.value()),
        ("snapshot", PartitionSnapshot::key(partition), snapshot.value()),
        (
            "log-start",
            LogStart::key(partition),
            LogStart { offset: 46, removed_to: 40, removed_bytes: 700 }.value(),
        ),
        ("leader-epoch", LeaderEpochStart::key(partition, epoch.epoch), epoch.value()),
        ("committed-offset", CommittedOffset::key("orders".to_owned(), partition), committed.value()),
        ("served", Served::key(), served.value()),
        ("topic", KeptTopic::key(topic.id), topic.value()),
        ("extent-of-shard", Extent::key(partition, 45), of_shard.value()),
        ("extent-counted-on-reading", Extent::key(partition, 45), counted.value()),
        ("lost", Lost::key(partition, 99), Lost { first: 46, last: 99 }.value()),
    ];
    for (name, key, value) in &rows {
        let (is_reserved, row) = (value[0] == 2 && key[0] == Tag::Extent as u8, (&key[..], Some(&value[..])));
        assert_eq!(forms::check(0, [row]).is_ok(), !is_reserved, "{name}");
        assert!(!is_reserved || forms::check(u16::MAX - 1, [row]).is_err(), "nothing writes it");
    }
    let text: String =
        rows.iter().map(|(name, key, value)| format!("{name} {} {}\n", hex(key), hex(value))).collect();
    assert_eq!(text, include_str!("golden/rows.txt"));
}

impl Sample<i64> for extent::Delta {
    fn sample(&self, random: &mut Random) -> i64 {
        self.0.saturating_add(random.below(1 << 32) as i64)
    }
}

impl Sample<Object> for Plain {
    fn sample(&self, random: &mut Random) -> Object {
        let (id, epoch, ulid) = (Plain.sample(random), Plain.sample(random), Plain.sample(random));
        let shard = Plain.sample(random);
        random.one_of([
            Object::Log(id),
            Object::Packed { epoch, ulid },
            Object::OfShard { shard, epoch, ulid },
        ])
    }
}
