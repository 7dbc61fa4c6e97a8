use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::crc32c;

mod inside;

const NOW: i64 = 1_700_000_000_000;
const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

fn record<'a>(timestamp: i64, key: Option<&'a [u8]>, value: &'a [u8]) -> NewRecord<'a> {
    NewRecord { timestamp, key, value: Some(value), headers: Vec::new() }
}

/// Three records, `codec`, timestamps around now.
fn batch(codec: Codec) -> Batch {
    let value = b"the same words again and again ".repeat(8);
    let mut builder = Builder::new().compression(Compression::new(codec));
    for (at, key) in [(NOW, Some(&b"a"[..])), (NOW + 5, None), (NOW - 9, Some(&b""[..]))] {
        builder.push(&record(at, key, &value));
    }
    builder.build().expect("builds")
}

/// The batch with its header changed, under a right checksum.
fn with_header(batch: Batch, change: impl FnOnce(&mut Header)) -> Bytes {
    let mut batch = batch;
    change(&mut batch.header);
    let length = batch.header.batch_length;
    batch.header.seal(&batch.payload);
    batch.header.batch_length = length;
    batch.to_bytes()
}

fn check(bytes: &Bytes, rules: &Rules) -> Result<Batch, Invalid> {
    validate(bytes, rules, NOW)
}

fn plain(bytes: &Bytes) -> Result<Batch, Invalid> {
    check(bytes, &Rules::default())
}

type Field = Option<Vec<u8>>;

/// The records of a batch: per record offset, timestamp, key and value.
fn contents(batch: &Batch) -> Vec<(i64, i64, Field, Field)> {
    let payload = batch.decompress(usize::MAX).expect("decompresses");
    let records = Records::new(&batch.header, &payload).map(|record| {
        let record = record.expect("is a record");
        let (offset, timestamp) = (record.offset(&batch.header), record.timestamp(&batch.header));
        (offset, timestamp, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec))
    });
    records.collect()
}

#[test]
fn batches_of_the_java_client_are_read() {
    for line in include_str!("golden/java-client-4.4.0.txt").lines() {
        let (codec, hex) = line.split_once(' ').expect("two words");
        let digits = |n: usize| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).expect("hexadecimal");
        let bytes: Bytes = (0..hex.len() / 2).map(digits).collect();
        let batch = Batch::parse(&bytes).expect(codec);
        assert_eq!(batch.to_bytes(), bytes, "{codec}");
        let header = &batch.header;
        assert_eq!((header.base_offset, header.last_offset(), header.partition_leader_epoch), (0, 2, 7));
        assert_eq!((header.producer_id, header.producer_epoch), (1234, 5));
        assert_eq!((header.base_sequence, header.last_sequence()), (i32::MAX - 1, 0), "it wraps");
        let long = b"The same words again and again. ".repeat(9);
        let expected = [
            (0, 1_700_000_000_000, None, Some(long)),
            (1, 1_700_000_005_000, Some(b"key".to_vec()), None),
            (2, 1_699_999_999_000, Some(Vec::new()), Some(Vec::new())),
        ];
        assert_eq!(contents(&batch), expected, "{codec}");
        let payload = batch.decompress(usize::MAX).expect("decompresses");
        let second = Records::new(header, &payload).nth(1).expect("is there").expect("is a record");
        let headers: Vec<_> = second.headers.iter().collect();
        assert_eq!(headers, [(&b"name"[..], Some(&b"value"[..])), (&b""[..], None)]);
        let open = Rules { timestamp_before_max_ms: i64::MAX - 1, ..Rules::default() };
        assert_eq!(check(&bytes, &open), Ok(batch), "{codec} passes untouched");
    }
}

#[test]
fn what_is_valid_passes_without_a_copy() {
    for codec in CODECS {
        let bytes = batch(codec).to_bytes();
        let valid = plain(&bytes).expect("is valid");
        assert_eq!(valid, batch(codec));
        assert_eq!(valid.payload.as_ptr(), bytes[HEAD_LEN..].as_ptr(), "{codec:?}");
    }
}

#[test]
fn an_assigned_batch_keeps_its_checksum() {
    let mut batch = batch(Codec::Lz4);
    batch.assign(1 << 40, 9);
    let read = Batch::parse(&batch.to_bytes()).expect("checksum is right");
    assert_eq!((read.header.base_offset, read.header.partition_leader_epoch), (1 << 40, 9));
    assert_eq!(read.header.last_offset(), (1 << 40) + 2);
}

#[test]
fn each_cause_is_told() {
    let bytes = batch(Codec::None).to_bytes();
    let twice: Bytes = [&bytes[..], &bytes[..]].concat().into();
    assert_eq!(plain(&Bytes::new()), Err(Invalid::NoBatch));
    assert_eq!(plain(&bytes.slice(..bytes.len() - 1)), Err(Invalid::NoBatch), "a cut batch is none");
    assert_eq!(plain(&twice), Err(Invalid::MoreThanOneBatch));
    for magic in [0, 1] {
        let mut old = bytes.to_vec();
        old[16] = magic;
        assert_eq!(plain(&old.into()), Err(Invalid::OldMagic(magic as i8)));
    }
    let mut newer = bytes.to_vec();
    newer[16] = 3;
    assert_eq!(plain(&newer.into()), Err(Invalid::Corrupt(HeaderError::Magic(3))));
    let mut flipped = bytes.to_vec();
    flipped[80] ^= 1;
    assert!(matches!(plain(&flipped.into()), Err(Invalid::Corrupt(HeaderError::Checksum { .. }))));
    let limit = bytes.len() - 1;
    let small = Rules { max_batch_bytes: limit, ..Rules::default() };
    assert_eq!(check(&bytes, &small), Err(Invalid::TooLarge { bytes: bytes.len(), limit }));
    let old_version = Rules { zstd_allowed: false, ..Rules::default() };
    assert_eq!(
        check(&batch(Codec::Zstd).to_bytes(), &old_version),
        Err(Invalid::CodecNotAllowed(Codec::Zstd))
    );
}

#[test]
fn headers_that_do_not_fit_are_refused() {
    let changed = |change: fn(&mut Header)| plain(&with_header(batch(Codec::None), change)).err();
    assert_eq!(changed(|h| h.base_offset = 4), Some(Invalid::BaseOffset(4)));
    assert_eq!(changed(|h| h.records_count = 4), Some(Invalid::Count { count: 4, last_offset_delta: 2 }));
    assert_eq!(
        changed(|h| h.last_offset_delta = -1),
        Some(Invalid::Count { count: 3, last_offset_delta: -1 })
    );
    assert_eq!(changed(|h| h.attributes |= 0x20), Some(Invalid::Control));
    assert_eq!(changed(|h| h.attributes |= 0x10), Some(Invalid::Transactional));
    assert_eq!(changed(|h| h.producer_id = 5), Some(Invalid::Sequence { producer_id: 5, sequence: -1 }));
    assert_eq!(changed(|h| h.attributes |= 7), Some(Invalid::Payload(DecompressError::UnknownCodec(7))));
    let fewer = |h: &mut Header| (h.records_count, h.last_offset_delta) = (2, 1);
    assert_eq!(changed(fewer), Some(Invalid::Records(RecordError::Remaining { count: 2 })));
    let more = |h: &mut Header| (h.records_count, h.last_offset_delta) = (4, 3);
    assert_eq!(changed(more), Some(Invalid::Records(RecordError::Truncated { index: 3 })));
}

#[test]
fn records_out_of_bounds_are_named() {
    let rules = Rules { timestamp_before_max_ms: 8, timestamp_after_max_ms: 4, ..Rules::default() };
    for codec in CODECS {
        let invalid = check(&batch(codec).to_bytes(), &rules).expect_err("is out of bounds");
        assert!(invalid.has_bad_timestamp());
        let reason = |timestamp| RejectReason::Timestamp { timestamp, earliest: NOW - 8, latest: NOW + 4 };
        let records = vec![
            RejectedRecord { index: 1, reason: reason(NOW + 5) },
            RejectedRecord { index: 2, reason: reason(NOW - 9) },
        ];
        assert_eq!(invalid, Invalid::Rejected { records, total: 2 }, "{codec:?}");
    }
    let compacted = Rules { compacted: true, ..Rules::default() };
    let invalid = check(&batch(Codec::Gzip).to_bytes(), &compacted).expect_err("a key is missing");
    let records = vec![RejectedRecord { index: 1, reason: RejectReason::NoKey }];
    assert_eq!(invalid, Invalid::Rejected { records, total: 1 });
    assert!(!invalid.has_bad_timestamp());
}

#[test]
fn a_compressed_header_that_looks_wrong_is_looked_into() {
    let later = |h: &mut Header| h.max_timestamp = NOW + 3_600_001;
    let valid = plain(&with_header(batch(Codec::Zstd), later)).expect("no record is that late");
    assert_eq!(valid.header.max_timestamp, NOW + 5, "the max timestamp is that of the records");
    assert_eq!(Batch::parse(&valid.to_bytes()), Ok(valid));
}

#[test]
fn log_append_time_is_set_under_a_new_checksum() {
    let rules = Rules { timestamp_type: TimestampType::LogAppendTime, ..Rules::default() };
    for codec in CODECS {
        let bytes = with_header(batch(codec), |h| h.max_timestamp = i64::MAX);
        let valid = check(&bytes, &rules).expect("timestamps do not matter");
        assert_eq!(valid.header.timestamp_type(), TimestampType::LogAppendTime);
        assert_eq!(valid.header.max_timestamp, NOW);
        assert_eq!(valid.payload.as_ptr(), bytes[HEAD_LEN..].as_ptr(), "the records are not copied");
        let read = Batch::parse(&valid.to_bytes()).expect("checksum is right");
        assert!(contents(&read).iter().all(|record| record.1 == NOW));
    }
}

#[test]
fn every_codec_is_converted_to_every_other() {
    for from in CODECS {
        for to in CODECS {
            let rules = Rules { compression: Some(Compression::new(to)), ..Rules::default() };
            let bytes = with_header(batch(from), |h| {
                (h.producer_id, h.producer_epoch, h.base_sequence) = (3, 1, 77);
            });
            let converted = check(&bytes, &rules).expect("is valid");
            assert_eq!(converted.header.codec(), Ok(to), "{from:?} to {to:?}");
            assert_eq!(contents(&converted), contents(&batch(from)), "{from:?} to {to:?}");
            let header = &converted.header;
            assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (3, 1, 77));
            assert_eq!(header.max_timestamp, NOW + 5);
            assert!(Batch::parse(&converted.to_bytes()).is_ok());
        }
    }
}

#[test]
fn headers_alone_are_looked_at_where_that_is_wanted() {
    let mut garbage = batch(Codec::Zstd);
    garbage.payload = Bytes::from_static(b"no frame of any codec");
    garbage.header.seal(&garbage.payload);
    let garbage = garbage.to_bytes();
    assert!(matches!(plain(&garbage), Err(Invalid::Payload(_))), "every record is, by default");
    let rules = Rules { depth: Depth::Headers, ..Rules::default() };
    assert!(check(&garbage, &rules).is_ok());
    let limited = Rules { max_record_bytes: 100, ..rules };
    assert!(matches!(check(&garbage, &limited), Err(Invalid::Payload(_))), "the topic asks for more");
}

#[test]
fn records_are_limited_where_they_unfold() {
    let limited = Rules { max_record_bytes: 100, ..Rules::default() };
    let records = RecordError::TooLarge { index: 0, bytes: 256, limit: 100 };
    assert_eq!(check(&batch(Codec::Zstd).to_bytes(), &limited), Err(Invalid::Records(records)));
}

#[test]
fn levels_change_what_comes_out() {
    let data: Vec<u8> =
        (0..200_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 20).to_be_bytes()).collect();
    for (codec, low, high) in [(Codec::Gzip, 1, 9), (Codec::Lz4, 9, 17), (Codec::Zstd, 1, 19)] {
        let sizes = [low, high].map(|level| {
            let packed = Compression { codec, level: Some(level) }.compress(&data).expect("compresses");
            let unpacked = codec.decompress(&Bytes::from(packed.clone()), data.len());
            assert_eq!(unpacked.expect("decompresses"), data);
            packed.len()
        });
        assert!(sizes[1] < sizes[0], "{codec:?}: {sizes:?}");
    }
}

#[test]
fn wrong_offset_deltas_are_put_right() {
    // Offset deltas of uncompressed records: the third byte of each record's body.
    let mut odd = batch(Codec::None);
    let mut payload = odd.payload.to_vec();
    let first_delta = 2 + 1 + 1;
    assert_eq!(payload[first_delta], 0);
    payload[first_delta] = 20;
    odd.payload = payload.into();
    odd.header.seal(&odd.payload);
    let right = plain(&odd.to_bytes()).expect("is put right");
    assert_eq!(contents(&right), contents(&batch(Codec::None)));
}

#[test]
fn a_bomb_is_not_unpacked() {
    let zeros = vec![0; 4 << 20];
    for codec in [Codec::Gzip, Codec::Lz4, Codec::Zstd, Codec::Snappy] {
        let bomb: Bytes = Compression::new(codec).compress(&zeros).expect("compresses").into();
        let limit = 1 << 20;
        assert_eq!(codec.decompress(&bomb, limit), Err(DecompressError::TooLarge { limit }), "{codec:?}");
        assert_eq!(codec.decompress(&bomb, zeros.len()).expect("fits"), zeros);
    }
    // Five bytes of raw snappy that claim 2 GiB.
    let liar = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x07, 0]);
    assert!(Codec::Snappy.decompress(&liar, usize::MAX).is_err());
}

#[test]
fn plain_and_joined_snappy_are_read() {
    let raw = snap::raw::Encoder::new().compress_vec(b"hello hello hello").expect("compresses");
    assert_eq!(Codec::Snappy.decompress(&raw.into(), 100).expect("reads"), &b"hello hello hello"[..]);
    let framed = Compression::new(Codec::Snappy).compress(b"hello").expect("compresses");
    let joined = [&framed[..], &framed[..]].concat();
    assert_eq!(Codec::Snappy.decompress(&joined.into(), 100).expect("reads"), &b"hellohello"[..]);
}

#[test]
fn sequences_start_again_at_zero() {
    assert_eq!(next_sequence(i32::MAX, 1), 0);
    assert_eq!(next_sequence(i32::MAX - 1, 3), 1);
    assert_eq!(next_sequence(5, 3), 8);
}

/// Timestamp, key, value and headers.
fn any_record() -> impl Strategy<Value = (i64, Field, Field, Vec<(Vec<u8>, Field)>)> {
    let field = || option::of(vec(any::<u8>(), 0..200));
    (0..i64::MAX / 2, field(), field(), vec((vec(any::<u8>(), 0..9), field()), 0..3))
}

proptest! {
    #[test]
    fn what_is_built_is_read_back(
        records in vec(any_record(), 1..20),
        codec in prop::sample::select(&CODECS[..]),
        base_offset in 0..i64::MAX / 2,
    ) {
        let mut builder = Builder::new().base_offset(base_offset).compression(Compression::new(codec));
        for (timestamp, key, value, headers) in &records {
            builder.push(&NewRecord {
                timestamp: *timestamp,
                key: key.as_deref(),
                value: value.as_deref(),
                headers: headers.iter().map(|(name, value)| (&name[..], value.as_deref())).collect(),
            });
        }
        let batch = builder.build().expect("builds");
        let read = Batch::parse(&batch.to_bytes()).expect("parses");
        prop_assert_eq!(&read, &batch);
        let payload = read.decompress(usize::MAX).expect("decompresses");
        let mut count = 0;
        for (index, record) in Records::new(&read.header, &payload).enumerate() {
            let record = record.expect("is a record");
            let (timestamp, key, value, headers) = &records[index];
            prop_assert_eq!(record.offset(&read.header), base_offset + index as i64);
            prop_assert_eq!(record.timestamp(&read.header), *timestamp);
            prop_assert_eq!(record.key, key.as_deref());
            prop_assert_eq!(record.value, value.as_deref());
            let expected: Vec<_> =
                headers.iter().map(|(name, value)| (&name[..], value.as_deref())).collect();
            prop_assert_eq!(record.headers.iter().collect::<Vec<_>>(), expected);
            count += 1;
        }
        prop_assert_eq!(count, records.len());
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..300)) {
        let _ = plain(&bytes.into());
    }

    #[test]
    fn damaged_batches_are_survived_and_what_passes_is_sound(
        codec in prop::sample::select(&CODECS[..]),
        target in option::of(prop::sample::select(&CODECS[..])),
        flips in vec((0usize..2_000, any::<u8>()), 1..6),
        cut in option::of(0usize..2_000),
        reseal in any::<bool>(),
    ) {
        let mut bytes = batch(codec).to_bytes().to_vec();
        for (at, value) in flips {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut);
        }
        if reseal && bytes.len() > HEAD_LEN {
            let crc = crc32c::checksum(&bytes[21..]);
            bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        }
        let rules = Rules { compression: target.map(Compression::new), ..Rules::default() };
        if let Ok(valid) = check(&bytes.into(), &rules) {
            prop_assert_eq!(Batch::parse(&valid.to_bytes()), Ok(valid.clone()));
            prop_assert_eq!(valid.header.records_count, valid.header.last_offset_delta + 1);
        }
    }
}
