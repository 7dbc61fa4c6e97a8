//! The inside of compressed batches: that it is looked at, and how.

use lz4::{BlockMode, BlockSize, ContentChecksum, EncoderBuilder};

use super::*;

const COMPRESSED: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

/// One record as it stands in a batch.
fn one(offset_delta: i32, value: &[u8]) -> Vec<u8> {
    let mut body = vec![0];
    varint::write_i64(&mut body, 0);
    varint::write_i32(&mut body, offset_delta);
    varint::write_i32(&mut body, -1);
    varint::write_i32(&mut body, value.len() as i32);
    body.extend_from_slice(value);
    varint::write_i32(&mut body, 0);
    let mut record = Vec::new();
    varint::write_i32(&mut record, body.len() as i32);
    record.extend(body);
    record
}

/// A batch that announces `count` records and holds `payload` under a right checksum.
fn announcing(count: i32, codec: Codec, payload: Vec<u8>) -> Bytes {
    let mut odd = batch(codec);
    odd.payload = payload.into();
    let header = &mut odd.header;
    (header.records_count, header.last_offset_delta) = (count, count - 1);
    (header.base_timestamp, header.max_timestamp) = (NOW, NOW);
    header.seal(&odd.payload);
    odd.to_bytes()
}

/// The records at these offset deltas, compressed.
fn packed(codec: Codec, offset_deltas: &[i32]) -> Vec<u8> {
    let records: Vec<u8> = offset_deltas.iter().flat_map(|&delta| one(delta, b"value")).collect();
    Compression::new(codec).compress(&records).expect("compresses")
}

fn refusal(bytes: &Bytes) -> Invalid {
    plain(bytes).expect_err("is refused")
}

#[test]
fn what_does_not_unfold_is_refused() {
    for codec in COMPRESSED {
        let whole = packed(codec, &[0, 1, 2]);
        assert!(plain(&announcing(3, codec, whole.clone())).is_ok(), "{codec:?}");
        let garbage = refusal(&announcing(3, codec, [0xde, 0xad].repeat(16)));
        assert!(matches!(garbage, Invalid::Payload(_)), "{codec:?}: {garbage:?}");
        for cut in 0..whole.len() {
            // Kafka's reader of xerial's framing ends where no length of a block is left.
            let (cut, told) = (whole[..cut].to_vec(), refusal(&announcing(3, codec, whole[..cut].to_vec())));
            assert!(matches!(told, Invalid::Payload(_) | Invalid::Records(_)), "{codec:?} {}", cut.len());
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x40;
            // It may unfold to something else that is valid, but never to nothing or out of bounds.
            let _ = plain(&announcing(3, codec, flipped));
        }
    }
}

#[test]
fn records_that_are_not_those_announced_are_refused() {
    for codec in COMPRESSED {
        let told =
            |count, offset_deltas: &[i32]| refusal(&announcing(count, codec, packed(codec, offset_deltas)));
        let records = Invalid::Records;
        assert_eq!(told(5, &[0, 1, 2]), records(RecordError::Truncated { index: 3 }), "{codec:?}");
        assert_eq!(told(i32::MAX, &[0, 1, 2]), records(RecordError::Truncated { index: 3 }));
        assert_eq!(told(2, &[0, 1, 2]), records(RecordError::Remaining { count: 2 }));
        assert_eq!(told(2, &[0, 5]), Invalid::Offsets);
        assert_eq!(told(3, &[0, 0, 0]), Invalid::Offsets);
        let nothing = Compression::new(codec).compress(&[]).expect("compresses");
        assert_eq!(refusal(&announcing(1, codec, nothing)), records(RecordError::Truncated { index: 0 }));
        let mut behind = one(0, b"value");
        behind.extend(b"xx");
        let behind = Compression::new(codec).compress(&behind).expect("compresses");
        assert_eq!(refusal(&announcing(1, codec, behind)), records(RecordError::Remaining { count: 1 }));
    }
}

#[test]
fn records_that_do_not_fill_their_length_are_refused() {
    for codec in CODECS {
        for grow in [-1, 1] {
            let mut records = one(0, b"value");
            records[0] = (i16::from(records[0]) + 2 * grow) as u8;
            records.extend(one(1, b"value"));
            let odd = Compression::new(codec).compress(&records).expect("compresses");
            let told = refusal(&announcing(2, codec, odd));
            assert_eq!(told, Invalid::Records(RecordError::Structure { index: 0 }), "{codec:?} {grow}");
        }
    }
}

#[test]
fn the_max_timestamp_is_that_of_the_records() {
    for codec in CODECS {
        for wrong in [NOW - 1_000, -1, NOW + 900] {
            let valid = plain(&with_header(batch(codec), |h| h.max_timestamp = wrong)).expect("is valid");
            assert_eq!(valid.header.max_timestamp, NOW + 5, "{codec:?}");
            assert_eq!(Batch::parse(&valid.to_bytes()), Ok(valid), "under a right checksum");
        }
    }
}

#[test]
fn records_out_of_bounds_are_found_under_a_header_within_them() {
    for codec in CODECS {
        let rules = Rules { timestamp_after_max_ms: 4, ..Rules::default() };
        let told =
            check(&with_header(batch(codec), |h| h.max_timestamp = NOW), &rules).expect_err("is refused");
        let reason = RejectReason::Timestamp {
            timestamp: NOW + 5,
            earliest: NOW.saturating_sub(i64::MAX),
            latest: NOW + 4,
        };
        assert_eq!(told, Invalid::Rejected { records: vec![RejectedRecord { index: 1, reason }], total: 1 });
    }
}

#[test]
fn the_earliest_timestamp_of_all_is_out_of_bounds() {
    for codec in CODECS {
        let earliest =
            Builder::new().compression(Compression::new(codec)).record(&record(i64::MIN, None, b"x"));
        let told = refusal(&earliest.build().expect("builds").to_bytes());
        assert!(told.has_bad_timestamp(), "{codec:?}: {told:?}");
    }
}

#[test]
fn the_timestamp_type_is_the_brokers_to_set() {
    let claims =
        |max| with_header(batch(Codec::Lz4), |h| (h.attributes, h.max_timestamp) = (h.attributes | 8, max));
    let append_time = Rules { timestamp_type: TimestampType::LogAppendTime, ..Rules::default() };
    let told = check(&claims(NOW), &append_time).expect_err("is refused");
    assert!(told.has_bad_timestamp());
    assert!(matches!(told, Invalid::Rejected { total: 3, .. }), "each record is to blame");
    let valid = plain(&claims(NOW)).expect("Kafka takes it where timestamps are the producers'");
    assert_eq!(
        (valid.header.timestamp_type(), valid.header.max_timestamp),
        (TimestampType::CreateTime, NOW + 5)
    );
    assert!(refusal(&claims(-1)).has_bad_timestamp());
    assert!(refusal(&claims(NOW + 3_600_001)).has_bad_timestamp());
}

/// A frame with these settings.
fn lz4_frame(data: &[u8], mode: BlockMode, checksum: ContentChecksum) -> Vec<u8> {
    let mut encoder = EncoderBuilder::new()
        .block_mode(mode)
        .block_size(BlockSize::Max64KB)
        .checksum(checksum)
        .build(Vec::new())
        .expect("builds");
    std::io::Write::write_all(&mut encoder, data).expect("compresses");
    encoder.finish().0
}

#[test]
fn lz4_is_read_as_kafka_reads_it() {
    let records: Vec<u8> = (0..3).flat_map(|delta| one(delta, &[b'x'; 70_000])).collect();
    let frame = |mode, checksum| lz4_frame(&records, mode, checksum);
    let linked = frame(BlockMode::Linked, ContentChecksum::NoChecksum);
    assert!(
        matches!(refusal(&announcing(3, Codec::Lz4, linked)), Invalid::Payload(_)),
        "no Java client reads that"
    );
    let mut checked = frame(BlockMode::Independent, ContentChecksum::ChecksumEnabled);
    assert!(plain(&announcing(3, Codec::Lz4, checked.clone())).is_ok());
    *checked.last_mut().expect("has bytes") ^= 1;
    assert!(plain(&announcing(3, Codec::Lz4, checked.clone())).is_ok(), "Kafka does not compare it");
    checked.truncate(checked.len() - 1);
    assert!(plain(&announcing(3, Codec::Lz4, checked)).is_err());
    let mut behind = frame(BlockMode::Independent, ContentChecksum::NoChecksum);
    behind.extend(b"what follows the frame");
    assert!(plain(&announcing(3, Codec::Lz4, behind.clone())).is_ok());
    behind[6] ^= 1;
    assert!(plain(&announcing(3, Codec::Lz4, behind)).is_err(), "the header's checksum is wrong");
}

#[test]
fn joined_gzip_and_zstd_are_read() {
    let halves = [one(0, &[b'x'; 300]), one(1, &[b'y'; 300])];
    for codec in [Codec::Gzip, Codec::Zstd] {
        let [first, second] =
            halves.each_ref().map(|half| Compression::new(codec).compress(half).expect("compresses"));
        let joined = [first.clone(), second.clone()].concat();
        assert!(plain(&announcing(2, codec, joined)).is_ok(), "{codec:?}");
        let behind = [first, b"what is no member and no frame".to_vec()].concat();
        assert_eq!(plain(&announcing(1, codec, behind)).is_ok(), codec == Codec::Gzip, "{codec:?}");
    }
}

/// Large records of which none fits into a piece, and many that do.
fn large() -> Vec<u8> {
    let noise = |n: u32| (0..n).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<u8>>();
    let values = [noise(300_000), noise(3), vec![7; 5_000_000], noise(65_536), Vec::new(), noise(200_000)];
    (0..).zip(values.iter().cycle().take(30)).flat_map(|(delta, value)| one(delta, value)).collect()
}

#[test]
fn a_batch_may_be_unfolded_in_any_number_of_turns() {
    let records = large();
    for codec in COMPRESSED {
        let payload = Compression::new(codec).compress(&records).expect("compresses");
        let bytes = announcing(30, codec, payload);
        let rules = Rules { max_batch_bytes: usize::MAX, ..Rules::default() };
        let whole = check(&bytes, &rules).expect("is valid");
        for allowance in [1, 100_000, 10_000_000] {
            let mut validation = Validation::begin(&bytes, &rules, NOW).expect("begins");
            let mut turns = 1;
            while !validation.advance(&mut { allowance }).expect("goes on") {
                turns += 1;
                if turns == 3 {
                    validation.restart();
                }
            }
            assert!(
                turns > records.len() / (allowance + (1 << 22)),
                "{codec:?}: {turns} turns of {allowance}"
            );
            assert_eq!(validation.finish(), Ok(whole.clone()), "{codec:?}");
        }
    }
}

#[test]
fn memory_is_for_a_piece_and_what_it_refers_to() {
    let records = large();
    for codec in COMPRESSED {
        let payload = Compression::new(codec).compress(&records).expect("compresses");
        let header = &batch(codec).header;
        let memory = Walk::memory(header, &payload);
        assert!((16 << 10..3 << 20).contains(&memory), "{codec:?} takes {memory} for {}", records.len());
    }
    // Written at once, a frame of zstd may refer to all of it; a plain block of snappy is unfolded as a whole.
    let zstd = zstd::bulk::compress(&records, 19).expect("compresses");
    assert!(Walk::memory(&batch(Codec::Zstd).header, &zstd) > 8 << 20);
    let snappy = snap::raw::Encoder::new().compress_vec(&records).expect("compresses");
    assert_eq!(Walk::memory(&batch(Codec::Snappy).header, &snappy), records.len());
}

#[test]
fn what_is_converted_need_not_fit_into_memory() {
    // Of 150 MB unfolded, nothing is kept but what they are compressed to again.
    let rules = Rules { compression: Some(Compression::new(Codec::Lz4)), ..Rules::default() };
    let zeros = one(0, &vec![0; 150 << 20]);
    let payload = Compression::new(Codec::Zstd).compress(&zeros).expect("compresses");
    let converted = check(&announcing(1, Codec::Zstd, payload), &rules).expect("is valid");
    assert_eq!(converted.header.codec(), Ok(Codec::Lz4));
    let small = Rules { max_batch_bytes: 100_000, ..rules };
    let payload = Compression::new(Codec::Zstd).compress(&zeros).expect("compresses");
    let told = check(&announcing(1, Codec::Zstd, payload), &small).expect_err("is too large again");
    assert_eq!(told, Invalid::TooLarge { bytes: 100_001, limit: 100_000 });
}
