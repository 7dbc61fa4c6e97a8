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

fn case(seed: u64) -> Case {
    let mut random = StdRng::seed_from_u64(seed);
    let (codec, _) = pick(&mut random, &CODECS);
    let mut bytes = records(&mut random, codec);
    spoil(&mut random, &mut bytes, codec);
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
        // Any limit makes us open every batch, as Kafka does.
        max_record_bytes: i32::MAX as usize - 100,
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
        Invalid::TimestampType => "INVALID_TIMESTAMP",
        Invalid::Rejected { .. } if invalid.has_bad_timestamp() => "INVALID_TIMESTAMP",
        _ => "INVALID_RECORD",
    }
}

/// Where we mean to differ: what Kafka calls an unknown server error has a better name with us, since idempotent
/// producers take that one for a lost batch; and what `validate` says of itself.
fn is_meant(case: &Case, ours: &Result<Bytes, Invalid>, theirs: &Result<Bytes, String>) -> bool {
    match (ours, theirs) {
        (Err(_), Err(error)) if error == "UNKNOWN_SERVER_ERROR" => true,
        (Err(Invalid::TimestampType), _) => true,
        // Compressed by other code, a batch may miss the limit by a byte.
        (Err(Invalid::TooLarge { .. }), Ok(_)) => case.rules.compression.is_some(),
        // Kafka cannot rewrite a record with a negative timestamp.
        (Ok(_), Err(error)) if error == "UNKNOWN_SERVER_ERROR" => is_plain(&case.bytes),
        (Ok(_), Err(error)) if error == "MESSAGE_TOO_LARGE" => case.rules.compression.is_some(),
        (Ok(_), Ok(theirs)) => is_plain(&case.bytes) && !has_offsets_in_order(theirs),
        _ => false,
    }
}

fn is_plain(bytes: &Bytes) -> bool {
    Header::parse(bytes).is_ok_and(|header| header.codec() == Ok(Codec::None))
}

fn has_offsets_in_order(bytes: &Bytes) -> bool {
    use kafkaesque::protocol::batch::{Batch, MAX_DECOMPRESSED_BYTES, Records};
    let batch = Batch::parse(bytes).unwrap();
    let payload = batch.decompress(MAX_DECOMPRESSED_BYTES).unwrap();
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
        if is_meant(&case, &ours, &theirs) {
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
    assert!(accepted > CASES / 5 && refused > CASES / 5 && meant < CASES / 10);
}
