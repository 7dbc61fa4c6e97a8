use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::types::{LeaderEpoch, ShardId};

fn partition() -> impl Strategy<Value = Partition> {
    (any::<u128>(), 0..i32::MAX)
        .prop_map(|(topic, index)| Partition { topic: TopicId(Uuid::from_u128(topic)), index })
}

fn object() -> impl Strategy<Value = Object> {
    prop_oneof![
        any::<u64>().prop_map(Object::Log),
        (any::<u64>(), any::<u128>()).prop_map(|(epoch, ulid)| Object::Packed { epoch, ulid }),
    ]
}

fn run(base: i64) -> impl Strategy<Value = ProducerRun> {
    (any::<i64>(), any::<i16>(), any::<i32>(), any::<i32>(), 0..1_000i64, 0..1_000i64, any::<i64>()).prop_map(
        move |(producer_id, producer_epoch, first_sequence, last_sequence, first, more, timestamp)| {
            ProducerRun {
                producer_id,
                producer_epoch,
                first_sequence,
                last_sequence,
                base_offset: base + first,
                last_offset: base + first + more,
                timestamp,
            }
        },
    )
}

fn extent() -> impl Strategy<Value = Extent> {
    let fields = (object(), any::<u32>(), any::<u32>(), any::<i32>(), any::<i64>(), any::<i64>());
    (0..i64::MAX / 2, 0..100_000i64, fields).prop_flat_map(
        |(base_offset, more, (object, position, length, leader_epoch, max_timestamp, appended_ms))| {
            proptest::collection::vec(run(base_offset), 0..8).prop_map(move |producers| Extent {
                base_offset,
                last_offset: base_offset + more,
                object,
                position,
                length,
                leader_epoch: LeaderEpoch(leader_epoch),
                max_timestamp,
                appended_ms,
                producers,
            })
        },
    )
}

fn entry() -> impl Strategy<Value = ProducerEntry> {
    (any::<i64>(), any::<i16>(), any::<i64>(), proptest::collection::vec(run(5), 0..6)).prop_map(
        |(producer_id, producer_epoch, last_appended_ms, mut batches)| {
            for batch in &mut batches {
                (batch.producer_id, batch.producer_epoch) = (producer_id, producer_epoch);
            }
            ProducerEntry { producer_id, producer_epoch, last_appended_ms, batches }
        },
    )
}

#[test]
fn a_key_of_a_classic_group_says_which() {
    assert_eq!(classic_group_id(&classic_group("orders")), Ok("orders"));
    assert!(classic_group_id(b"\x05orders").is_err());
    assert!(classic_group_id(b"\x06\xff").is_err());
}

proptest! {
    #[test]
    fn committed_offsets_are_read_back(
        group in "[a-zé]{0,9}", partition in partition(), offset in any::<i64>(), leader_epoch in any::<i32>(),
        committed_ms in any::<i64>(), expires_ms in proptest::option::of(0..i64::MAX), metadata in "[a-zé]{0,9}",
    ) {
        let committed = CommittedOffset { offset, leader_epoch, committed_ms, expires_ms, metadata };
        let (key, value) = (CommittedOffset::key(&group, partition), committed.value());
        prop_assert_eq!(CommittedOffset::decode(&key, &value), Ok((group, partition, committed)));
        for end in 0..key.len() {
            prop_assert!(CommittedOffset::decode(&key[..end], &value).is_err());
        }
        prop_assert!(CommittedOffset::decode(&key, &value[..28]).is_err());
    }
}

proptest! {
    #[test]
    fn extents_come_back(partition in partition(), extent in extent()) {
        let key = Extent::key(partition, extent.last_offset);
        let value = extent.value();
        prop_assert_eq!(key.len(), Extent::KEY_LEN);
        prop_assert_eq!(value.len(), extent.value_len());
        prop_assert_eq!(Extent::decode(&key, &value), Ok((partition, extent)));
    }

    #[test]
    fn snapshots_come_back(
        partition in partition(),
        next_offset in 0..i64::MAX,
        log_bytes in any::<u64>(),
        producers in proptest::collection::vec(entry(), 0..5),
    ) {
        let snapshot = PartitionSnapshot { next_offset, log_bytes, producers };
        let (key, value) = (PartitionSnapshot::key(partition), snapshot.value());
        prop_assert_eq!(value.len(), snapshot.value_len());
        prop_assert_eq!(PartitionSnapshot::decode(&key, &value), Ok((partition, snapshot)));
    }

    #[test]
    fn log_starts_and_leader_epochs_come_back(
        partition in partition(),
        offset in 0..i64::MAX,
        epoch in 0..i32::MAX,
    ) {
        let start = LogStart { offset, removed_to: offset / 2, removed_bytes: offset.unsigned_abs() };
        prop_assert_eq!(LogStart::decode(&LogStart::key(partition), &start.value()), Ok((partition, start)));
        let epoch = LeaderEpochStart { epoch: LeaderEpoch(epoch), start_offset: offset };
        let lost = Lost { first: offset / 2, last: offset };
        prop_assert_eq!(Lost::decode(&Lost::key(partition, offset), &lost.value()), Ok((partition, lost)));
        let key = LeaderEpochStart::key(partition, epoch.epoch);
        prop_assert_eq!(LeaderEpochStart::decode(&key, &epoch.value()), Ok((partition, epoch)));
    }

    #[test]
    fn keys_sort_by_partition_then_offset(a in partition(), b in partition(), x in 0..i64::MAX, y in 0..i64::MAX) {
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
    }

    #[test]
    fn topics_come_back(
        id in any::<u128>(), name in "[a-zé]{0,9}", created_ms in any::<i64>(), partitions in any::<u32>(),
        here in proptest::collection::vec(any::<u32>(), 0..5),
        configs in proptest::collection::btree_map("[a-z]{0,5}", "[a-zé]{0,5}", 0..4),
    ) {
        let topic = KeptTopic { id: TopicId(Uuid::from_u128(id)), name, created_ms, partitions, here, configs };
        let (key, value) = (KeptTopic::key(topic.id), topic.value());
        for end in 0..value.len() {
            prop_assert!(KeptTopic::decode(&key, &value[..end]).is_err());
        }
        prop_assert_eq!(KeptTopic::decode(&key, &value), Ok(topic));
    }

    #[test]
    fn served_metadata_comes_back(
        shard in any::<u32>(), index in any::<u64>(), nonce in any::<u128>(), cluster_id in "[a-zé]{0,9}",
    ) {
        let served = Served { shard: ShardId(shard), index, nonce, cluster_id };
        let value = served.value();
        prop_assert_eq!(Served::decode(&Served::key(), &value), Ok(served));
        prop_assert!(Served::decode(&Served::key(), &value[..28]).is_err());
        prop_assert!(Served::decode(b"\x09x", &value).is_err());
    }

    #[test]
    fn rows_cut_short_are_refused(partition in partition(), extent in extent(), cut in any::<prop::sample::Index>()) {
        let value = extent.value();
        let short = &value[..cut.index(value.len())];
        let key = Extent::key(partition, extent.last_offset);
        prop_assert_eq!(Extent::decode(&key, short), Err(Malformed("extent")));
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
    let extent = Extent {
        base_offset: 40,
        last_offset: 45,
        object: Object::Log(12),
        position: 300,
        length: 512,
        leader_epoch: LeaderEpoch(3),
        max_timestamp: 1_700_000_000_001,
        appended_ms: 1_700_000_000_002,
        producers: vec![run],
    };
    let packed =
        Extent { object: Object::Packed { epoch: 9, ulid: 0xabc }, producers: vec![], ..extent.clone() };
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
        ("committed-offset", CommittedOffset::key("orders", partition), committed.value()),
        ("served", Served::key(), served.value()),
        ("topic", KeptTopic::key(topic.id), topic.value()),
        ("lost", Lost::key(partition, 99), Lost { first: 46, last: 99 }.value()),
    ];
    let text: String =
        rows.iter().map(|(name, key, value)| format!("{name} {} {}\n", hex(key), hex(value))).collect();
    assert_eq!(text, include_str!("golden/rows.txt"));
}
