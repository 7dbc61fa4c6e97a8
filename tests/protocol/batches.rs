//! Record batches as producers might send them: Kafka's `LogValidator` and ours must say the same.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use kafkaesque::crc32c;
use kafkaesque::protocol::batch::{
    Builder, Codec, Compression, Header, Invalid, NewRecord, Rules, TimestampType, validate,
};

use crate::kafka::{Kafka, hex, unhex};

const NOW: i64 = 1_700_000_000_000;
const CASES: u64 = 20_000;
const CODECS: [(Codec, &str); 5] = [
    (Codec::None, "none"),
    (Codec::Gzip, "gzip"),
    (Codec::Snappy, "snappy"),
    (Codec::Lz4, "lz4"),
    (Codec::Zstd, "zstd"),
];

struct Case {
    bytes: Bytes,
    rules: Rules,
    target: &'static str,
    version: i16,
}

fn pick<T: Copy>(random: &mut StdRng, from: &[T]) -> T {
    from[random.random_range(0..from.len())]
}

fn records(random: &mut StdRng, codec: Codec) -> Vec<u8> {
    let mut builder = Builder::new().compression(Compression::new(codec));
    if random.random_bool(0.2) {
        builder = builder.producer(
            random.random_range(0..9),
            random.random_range(0..3),
            random.random_range(-1..9),
        );
    }
    let key_chance = pick(random, &[0.5, 1.0]);
    let spread = pick(random, &[10, 10, 10, 5_000, 10_000_000]);
    for _ in 0..random.random_range(1..5) {
        let key: Vec<u8> = (0..random.random_range(0..5)).map(|_| random.random()).collect();
        let value = vec![random.random(); random.random_range(0..80)];
        let timestamp = pick(random, &[NOW, NOW, NOW, -1]);
        let timestamp = if timestamp < 0 { -1 } else { timestamp + random.random_range(-spread..=spread) };
        builder.push(&NewRecord {
            timestamp,
            key: random.random_bool(key_chance).then_some(&key[..]),
            value: random.random_bool(0.8).then_some(&value[..]),
            headers: if random.random_bool(0.2) {
                vec![(&b"h"[..], None), (b"i", Some(b"x"))]
            } else {
                Vec::new()
            },
        });
    }
    builder.build().unwrap().to_bytes().to_vec()
}

/// Puts the right checksum and, perhaps, length into a batch that was changed.
fn reseal(bytes: &mut [u8], length: bool) {
    if bytes.len() < 61 {
        return;
    }
    if length {
        let length = (bytes.len() - 12) as u32;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
    }
    let crc = crc32c::checksum(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// Spoils a batch in one of the ways in which clients and networks do.
fn spoil(random: &mut StdRng, bytes: &mut Vec<u8>, codec: Codec) {
    match random.random_range(0..16) {
        0 => bytes[16] = random.random_range(0..5),
        1 => {
            let at = random.random_range(17..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8);
        }
        2 => bytes.truncate(random.random_range(0..bytes.len())),
        3 => bytes.extend((0..random.random_range(1..40)).map(|_| random.random::<u8>())),
        4 => bytes.extend(bytes.clone()),
        5 => {
            let length = random.random_range(-2i32..90);
            bytes[8..12].copy_from_slice(&length.to_be_bytes());
        }
        6 => bytes[0..8].copy_from_slice(&random.random_range(0i64..3).to_be_bytes()),
        // A header field that does not fit, under a right checksum.
        7 => {
            let count = random.random_range(-1i32..7);
            bytes[57..61].copy_from_slice(&count.to_be_bytes());
            if random.random_bool(0.7) {
                bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
            }
            reseal(bytes, false);
        }
        8 => {
            bytes[22] ^= pick(random, &[0x20, 0x40, 0x80]);
            reseal(bytes, false);
        }
        9 => {
            // With an epoch: Kafka cannot rewrite batches of an id without one.
            bytes[51..53].copy_from_slice(&[0, 7]);
            let (id, sequence) = (random.random_range(-1i64..3), random.random_range(-2i32..3));
            bytes[43..51].copy_from_slice(&id.to_be_bytes());
            bytes[53..57].copy_from_slice(&sequence.to_be_bytes());
            reseal(bytes, false);
        }
        10 => {
            let max = NOW + random.random_range(-9_000_000..9_000_000);
            bytes[35..43].copy_from_slice(&max.to_be_bytes());
            reseal(bytes, false);
        }
        // Records that do not fit, under a right checksum.
        11 | 12 if codec == Codec::None => {
            let at = random.random_range(61..bytes.len());
            bytes[at] = random.random();
            reseal(bytes, false);
        }
        13 if codec == Codec::None => {
            bytes.truncate(random.random_range(61..=bytes.len()));
            reseal(bytes, true);
        }
        14 if codec == Codec::None => {
            bytes.push(random.random());
            reseal(bytes, true);
        }
        _ => {}
    }
}

/// Spoils the records, then compresses them: what only shows to who looks inside.
fn spoil_inside(random: &mut StdRng, codec: Codec) -> Vec<u8> {
    let mut bytes = records(random, Codec::None);
    let mut inside = bytes.split_off(61);
    match random.random_range(0..8) {
        0 | 1 => {
            let at = random.random_range(0..inside.len());
            inside[at] = random.random();
        }
        // The first record's offset delta, if its timestamp's is short.
        2 => inside[3] = random.random_range(0..9),
        3 => inside.truncate(random.random_range(0..inside.len())),
        4 => inside.extend((0..random.random_range(1..9)).map(|_| random.random::<u8>())),
        5 => {
            let count = random.random_range(1i32..7);
            bytes[57..61].copy_from_slice(&count.to_be_bytes());
            bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
        }
        6 => {
            let max = NOW + random.random_range(-9_000_000..9_000_000);
            bytes[35..43].copy_from_slice(&max.to_be_bytes());
            bytes[22] |= pick(random, &[0, 8]);
        }
        _ => inside.extend(inside.clone()),
    }
    bytes[22] |= codec.id() as u8;
    bytes.extend(frames(random, codec, &inside));
    reseal(&mut bytes, true);
    bytes
}

/// Frames that other libraries make by default, or can be told to make.
fn lz4_frame(random: &mut StdRng, inside: &[u8]) -> Vec<u8> {
    use lz4::liblz4::BlockChecksum;
    use lz4::{BlockMode, BlockSize, ContentChecksum};

    let mut encoder = lz4::EncoderBuilder::new();
    if random.random() {
        encoder.checksum(ContentChecksum::ChecksumEnabled);
    } else {
        encoder.checksum(ContentChecksum::NoChecksum);
    }
    if random.random() {
        encoder.block_checksum(BlockChecksum::BlockChecksumEnabled);
    }
    let linked = random.random_ratio(1, 3);
    encoder.block_mode(if linked { BlockMode::Linked } else { BlockMode::Independent });
    encoder.block_size(if random.random() { BlockSize::Max64KB } else { BlockSize::Max4MB });
    let mut encoder = encoder.build(Vec::new()).unwrap();
    std::io::Write::write_all(&mut encoder, inside).unwrap();
    encoder.finish().0
}

/// `inside` in one of the forms that a codec has.
fn frames(random: &mut StdRng, codec: Codec, inside: &[u8]) -> Vec<u8> {
    let plain = |inside: &[u8]| Compression::new(codec).compress(inside).unwrap();
    let form = random.random_range(0..4);
    let mut made = match (codec, form) {
        (Codec::Snappy, 0) => snap::raw::Encoder::new().compress_vec(inside).unwrap(),
        (Codec::Lz4, 0 | 1) => lz4_frame(random, inside),
        (Codec::Zstd, 0) => zstd::bulk::compress(inside, 3).unwrap(),
        (Codec::Gzip | Codec::Zstd | Codec::Snappy | Codec::Lz4, 2) => {
            let (first, second) = inside.split_at(random.random_range(0..=inside.len()));
            [plain(first), plain(second)].concat()
        }
        _ => plain(inside),
    };
    match random.random_range(0..12) {
        0 => made.truncate(random.random_range(0..=made.len())),
        1 if !made.is_empty() => {
            let at = random.random_range(0..made.len());
            made[at] ^= 1 << random.random_range(0..8);
        }
        2 => made.extend((0..random.random_range(1..40)).map(|_| random.random::<u8>())),
        3 => made = (0..random.random_range(0..40)).map(|_| random.random()).collect(),
        _ => {}
    }
    made
}

fn case(seed: u64) -> Case {
    let mut random = StdRng::seed_from_u64(seed);
    let (codec, _) = pick(&mut random, &CODECS);
    let mut bytes = match random.random_bool(0.5) {
        true => spoil_inside(&mut random, codec),
        false => {
            let mut bytes = records(&mut random, codec);
            spoil(&mut random, &mut bytes, codec);
            bytes
        }
    };
    if random.random_ratio(1, 50) && bytes.len() > 61 {
        // The earliest time that there is.
        bytes[27..35].copy_from_slice(&i64::MIN.to_be_bytes());
        reseal(&mut bytes, false);
    }
    let (target, name) = pick(&mut random, &CODECS);
    let converts = random.random_bool(0.4);
    let rules = Rules {
        max_batch_bytes: pick(&mut random, &[120, 200, 1_000_000]),
        timestamp_type: pick(
            &mut random,
            &[TimestampType::CreateTime, TimestampType::CreateTime, TimestampType::LogAppendTime],
        ),
        timestamp_before_max_ms: pick(&mut random, &[i64::MAX, i64::MAX, 1_000]),
        timestamp_after_max_ms: pick(&mut random, &[3_600_000, 1_000]),
        compacted: random.random_bool(0.2),
        compression: converts.then_some(Compression::new(target)),
        ..Rules::default()
    };
    let version = pick(&mut random, &[3, 6, 7, 13]);
    let rules = Rules { zstd_allowed: version >= 7, ..rules };
    Case { bytes: bytes.into(), rules, target: if converts { name } else { "producer" }, version }
}

fn ask(kafka: &mut Kafka, case: &Case) -> Result<Bytes, String> {
    let Case { rules, version, target, bytes } = case;
    let timestamps = match rules.timestamp_type {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    };
    let question = format!(
        "validate {version} {NOW} {} {} {} {timestamps} {} {target} {}",
        rules.max_batch_bytes,
        rules.timestamp_before_max_ms,
        rules.timestamp_after_max_ms,
        rules.compacted,
        hex(bytes)
    );
    let answer = kafka.ask(&question).unwrap().remove(0);
    match answer.strip_prefix("ok ") {
        Some(bytes) => Ok(unhex(bytes)),
        None => Err(answer),
    }
}

/// The error that each cause stands for.
fn name(invalid: &Invalid) -> &'static str {
    match invalid {
        Invalid::Corrupt(_) => "CORRUPT_MESSAGE",
        Invalid::TooLarge { .. } => "MESSAGE_TOO_LARGE",
        Invalid::CodecNotAllowed(_) => "UNSUPPORTED_COMPRESSION_TYPE",
        Invalid::Rejected { .. } if invalid.has_bad_timestamp() => "INVALID_TIMESTAMP",
        _ => "INVALID_RECORD",
    }
}

/// Where we mean to differ: what Kafka calls an unknown server error has a better name with us, since idempotent
/// producers take that one for a lost batch; and what `validate` says of itself.
fn is_meant(
    kafka: &mut Kafka,
    case: &Case,
    ours: &Result<Bytes, Invalid>,
    theirs: &Result<Bytes, String>,
) -> bool {
    match (ours, theirs) {
        // Kafka does not compare the lengths of compressed records with their fields, and cannot read such a batch.
        (Err(Invalid::Records(_)), Ok(theirs)) => kafka.ask(&format!("show {}", hex(theirs))).is_err(),
        (Err(_), Err(error)) if error == "UNKNOWN_SERVER_ERROR" => true,
        // Java's snappy goes on behind what it takes for the end.
        (Err(Invalid::Payload(error)), _) if error.to_string().contains("has a broken header") => true,
        (Err(Invalid::Records(_)), Err(error)) if error == "INVALID_TIMESTAMP" => !is_plain(&case.bytes),
        // Kafka does not look at the records' own timestamps in such a batch.
        (Err(_), _) | (_, Ok(_)) if claims_append_time(case) => true,
        // Compressed by other code, a batch may miss the limit by a byte.
        (Err(Invalid::TooLarge { .. }), Ok(_)) => case.rules.compression.is_some(),
        // Kafka cannot rewrite a record with a negative timestamp.
        (Ok(_), Err(error)) if error == "UNKNOWN_SERVER_ERROR" => case.rules.compression.is_some(),
        (Ok(_), Err(error)) if error == "MESSAGE_TOO_LARGE" => case.rules.compression.is_some(),
        (Ok(_), Ok(theirs)) => is_plain(&case.bytes) && !has_offsets_in_order(theirs),
        _ => false,
    }
}

/// A batch that says LogAppendTime, for a topic where that is not the broker's to set.
fn claims_append_time(case: &Case) -> bool {
    let header = Header::parse(&case.bytes);
    case.rules.timestamp_type == TimestampType::CreateTime
        && header.is_ok_and(|header| header.timestamp_type() == TimestampType::LogAppendTime)
}

fn is_plain(bytes: &Bytes) -> bool {
    Header::parse(bytes).is_ok_and(|header| header.codec() == Ok(Codec::None))
}

fn has_offsets_in_order(bytes: &Bytes) -> bool {
    use kafkaesque::protocol::batch::{Batch, Records};
    let batch = Batch::parse(bytes).unwrap();
    let payload = batch.decompress(usize::MAX).unwrap();
    (0..).zip(Records::new(&batch.header, &payload)).all(|(index, r)| r.unwrap().offset_delta == index)
}

#[test]
fn kafka_accepts_refuses_and_rewrites_the_same_batches() {
    let test = "kafka_accepts_refuses_and_rewrites_the_same_batches";
    let Some(mut kafka) = Kafka::run("Batches.java", "kafka-storage-4.4.0.jar", test) else { return };
    let (mut accepted, mut refused, mut meant) = (0, 0, 0);
    for seed in 0..CASES {
        let case = case(seed);
        let ours = validate(&case.bytes, &case.rules, NOW).map(|mut batch| {
            batch.assign(0, 0);
            batch.to_bytes()
        });
        let theirs = ask(&mut kafka, &case);
        if is_meant(&mut kafka, &case, &ours, &theirs) {
            meant += 1;
            continue;
        }
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => {
                let [ours, theirs] = [ours, theirs].map(|b| kafka.ask(&format!("show {}", hex(b))));
                assert_eq!(ours, theirs, "seed {seed}: {}", hex(&case.bytes));
                accepted += 1;
            }
            (Err(invalid), Err(error)) => {
                assert_eq!(name(invalid), error, "seed {seed}: {invalid:?} {}", hex(&case.bytes));
                refused += 1;
            }
            _ => panic!("seed {seed}: ours {ours:?}, Kafka's {theirs:?}, {}", hex(&case.bytes)),
        }
    }
    println!("{accepted} accepted, {refused} refused by both; {meant} meant differences");
    assert!(accepted > CASES / 6 && refused > CASES / 5 && meant < CASES / 7);
}
