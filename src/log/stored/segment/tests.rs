use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use proptest::prelude::*;
use slatedb::ValueDeletable;

use super::read::ReadError;
use super::*;
use crate::types::WriterEpoch;

fn rows() -> impl Strategy<Value = Vec<RowEntry>> {
    let bytes = |most| proptest::collection::vec(any::<u8>(), 1..most).prop_map(Bytes::from);
    let value = prop_oneof![
        4 => bytes(200).prop_map(ValueDeletable::Value),
        1 => bytes(20).prop_map(ValueDeletable::Merge),
        1 => Just(ValueDeletable::Tombstone),
    ];
    let time = || prop_oneof![3 => Just(Some(7_000)), 1 => any::<Option<i64>>()];
    let seq = prop_oneof![3 => Just(9), 1 => any::<u64>()];
    let row = (bytes(60), value, seq, time(), proptest::option::weighted(0.2, any::<i64>())).prop_map(
        |(key, value, seq, create_ts, expire_ts)| RowEntry { key, value, seq, create_ts, expire_ts },
    );
    proptest::collection::vec(row, 0..30)
}

fn payload(chunks: &[&'static [u8]], position: usize) -> Payload {
    let chunks: Vec<Bytes> = chunks.iter().map(|chunk| Bytes::from_static(chunk)).collect();
    let all = chunks.concat();
    Payload { len: all.len() as u64, crc: crc32c::checksum(&all), chunks, position }
}

const ORIGIN: Origin = Origin {
    shard: ShardId(5),
    id: 19,
    taken_to: 18,
    durable_id: 17,
    durable_nonce: 0x1718,
    replay_after: 11,
};

const SEGMENT: Segment =
    Segment { kind: Kind::Data, window: 2, epoch: WriterEpoch(3), nonce: 0x0102_0304, origin: ORIGIN };

fn row(key: &'static [u8], value: &'static [u8]) -> RowEntry {
    RowEntry {
        key: Bytes::from_static(key),
        value: ValueDeletable::Value(Bytes::from_static(value)),
        seq: 17,
        create_ts: Some(1_700_000_000_000),
        expire_ts: None,
    }
}

#[test]
fn the_bytes_are_those_of_the_golden_file() {
    let rows = [
        row(b"key", b"value"),
        RowEntry { value: ValueDeletable::Tombstone, seq: 18, create_ts: None, ..row(b"gone", b"") },
    ];
    let position = HEADER_LEN + rows::encoded_len(&rows) + 16;
    let object = SEGMENT.encode(&rows, payload(&[b"one", b"two"], position)).expect("encodes").concat();
    assert_eq!(hex(&object), golden(include_str!("golden/segment_v2.hex")));
    let header = Header::parse(&object).expect("parses");
    let start = header.payload_position as usize;
    assert_eq!(&object[start..], b"onetwo");
    assert_eq!(start, position);
    assert_eq!(header.origin, Some(ORIGIN));
    assert!(header.belongs_at(ShardId(5), 19));
    assert!(!header.belongs_at(ShardId(5), 18) && !header.belongs_at(ShardId(4), 19));
    assert_eq!(header.vouches_to(19), 18);
}

fn hex(object: &[u8]) -> String {
    object.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn golden(file: &str) -> String {
    file.split_whitespace().collect()
}

#[test]
fn an_object_of_the_first_version_is_read_as_before_and_vouches_for_nothing() {
    let hex = golden(include_str!("golden/segment.hex"));
    let bytes = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex"));
    let object: Vec<u8> = bytes.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect();
    let header = Header::parse(&object).expect("parses");
    assert_eq!(
        (header.kind, header.epoch, header.nonce, header.origin),
        (Kind::Data, WriterEpoch(3), 0x0102_0304, None)
    );
    assert!(header.belongs_at(ShardId(1), 1) && header.vouches_to(9) == 0);
    let rows = header.decode_rows(&object).expect("rows");
    assert_eq!((rows[0].key.as_ref(), rows[1].seq), (&b"key"[..], 18));
    assert_eq!(&object[header.payload_position as usize..], b"onetwo");
    let mut again = BytesMut::new();
    header.encode(&mut again);
    assert_eq!(again, object[..LEN_WITHOUT_ORIGIN]);
    assert!(Header::parse(&object[..LEN_WITHOUT_ORIGIN - 1]).is_err());
}

#[test]
fn rows_of_one_write_take_the_planned_place() {
    let rows = [row(b"a", b"1"), row(b"bb", b"22")];
    let planned = payload_position([(1, 1), (2, 2)]);
    let chunks = SEGMENT.encode(&rows, payload(&[b"x"], planned)).expect("encodes");
    assert_eq!(chunks[0].len(), planned);
    assert!(SEGMENT.encode(&rows, payload(&[b"x"], planned - 1)).is_err(), "rows would overlap the payload");
}

#[test]
fn a_fence_is_a_header_alone() {
    let fence = Segment { kind: Kind::Fence, ..SEGMENT };
    let object = fence.encode(&[], Payload::default()).expect("encodes").concat();
    assert_eq!(object.len(), HEADER_LEN);
    let header = Header::parse(&object).expect("parses");
    assert_eq!((header.kind, header.epoch, header.window), (Kind::Fence, WriterEpoch(3), 2));
    assert_eq!(header.decode_rows(&object), Ok(vec![]));
    assert_eq!(header.vouches_to(19), 18, "it was made at the first free id");
    let window_fence = Header { kind: Kind::WindowFence, ..header };
    assert_eq!(window_fence.vouches_to(19), 0);
}

proptest! {
    #[test]
    fn rows_come_back(rows in rows()) {
        let object = SEGMENT.encode(&rows, payload(&[b"payload"], 0)).expect("encodes").concat();
        let header = Header::parse(&object).expect("parses");
        prop_assert_eq!(header.decode_rows(&object), Ok(rows));
        prop_assert_eq!(header.payload_len, 7);
        prop_assert_eq!(&object[header.payload_position as usize..], b"payload");
    }

    #[test]
    fn a_damaged_index_is_found(rows in rows(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut object = SEGMENT.encode(&rows, Payload::default()).expect("encodes").concat();
        let at = at.index(object.len());
        object[at] ^= 1 << bit;
        let found = Header::parse(&object).and_then(|header| header.decode_rows(&object));
        prop_assert!(found.is_err());
    }

    #[test]
    fn hostile_bytes_are_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..300), count in any::<u32>(),
    ) {
        let _ = Header::parse(&bytes);
        let _ = rows::decode(&Bytes::from(bytes), count);
    }
}

/// A header whose fields lie but whose checksum is right.
fn forged(change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut object = SEGMENT.encode(&[row(b"a", b"1")], Payload::default()).expect("encodes").concat();
    let mut header = Header::parse(&object).expect("parses");
    change(&mut header);
    let mut encoded = BytesMut::new();
    header.encode(&mut encoded);
    object[..HEADER_LEN].copy_from_slice(&encoded);
    object
}

#[test]
fn lengths_that_lie_cost_nothing() {
    let object = forged(|header| header.row_count = u32::MAX);
    assert!(Header::parse(&object).is_ok_and(|header| header.decode_rows(&object).is_err()));
    let object = forged(|header| {
        header.rows_len = u32::MAX - 1_000;
        header.payload_position = u32::MAX;
    });
    assert!(Header::parse(&object).is_ok_and(|header| header.decode_rows(&object).is_err()));
    assert_eq!(
        Header::parse(&forged(|header| header.payload_position = 3)),
        Err(Malformed::Bytes("payload inside the rows"))
    );
    assert_eq!(Header::parse(&forged(|header| header.window = 0)), Err(Malformed::Bytes("no window")));
}

#[test]
fn an_object_of_a_later_version_is_told_from_a_broken_one() {
    let object = forged(|_| {});
    let later = [&object[..MAGIC.len()], &[VERSION + 1], b"whatever is there then"].concat();
    let error = Header::parse(&later).expect_err("it is not known");
    assert_eq!(error.to_string(), "segment of version 3, and this program reads 1 to 2");
    assert_eq!(Header::parse(&later[..MAGIC.len()]), Err(Malformed::Bytes("too short for a header")));
}

#[tokio::test]
async fn the_index_is_read_whatever_its_length() {
    let store = InMemory::new();
    let path = Path::from("segment");
    for count in [0, 1, 5_000] {
        let rows: Vec<RowEntry> =
            (0..count).map(|_| row(b"a key of some length", b"and a value of some more")).collect();
        let object = SEGMENT.encode(&rows, payload(&[b"payload"], 0)).expect("encodes").concat();
        store.put(&path, object.into()).await.expect("stored");
        let (header, found) = read::index(&store, &path).await.expect("reads");
        assert_eq!((header.row_count, found), (count, rows));
        assert_eq!(read::header(&store, &path).await.expect("reads"), header);
    }
    assert!(matches!(read::header(&store, &Path::from("none")).await, Err(ReadError::Missing)));
}
