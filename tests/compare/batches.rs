//! Record batches of every codec that somebody could have made wrongly, sent to topics of several kinds: Kafka's answer,
//! what the log holds afterwards, and what is found in it by time.

use bytes::Bytes;
use kafkaesque::crc32c;
use kafkaesque::protocol::batch::{Codec, Compression};
use kafkaesque::protocol::messages::{create_topics, list_offsets, produce};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::pair::{Pair, Side};
use crate::sequences::{Age, Stage, Told};

const VERSIONS: [i16; 3] = [7, 9, 12];
/// The offset that was reached, and the record with the greatest timestamp (KIP-734).
const ENDS: [i64; 2] = [-1, -3];
const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
const RECORDS: usize = 3;
const DAY_MS: i64 = 24 * 3_600_000;

/// Topics with what is not the default about them.
const TOPICS: [(&str, &[(&str, &str)]); 5] = [
    ("batches-plain", &[]),
    ("batches-appended", &[("message.timestamp.type", "LogAppendTime")]),
    ("batches-compacted", &[("cleanup.policy", "compact")]),
    ("batches-converted", &[("compression.type", "gzip")]),
    (
        "batches-timely",
        &[("message.timestamp.before.max.ms", "60000"), ("message.timestamp.after.max.ms", "60000")],
    ),
];

/// The ways in which a batch is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sound,
    Garbage,
    CutShort,
    Empty,
    /// The header announces one record more than there are.
    Fewer,
    /// The header announces one record less than there are.
    More,
    /// It announces as many as there can be.
    Huge,
    Gap,
    SameOffsets,
    BytesBehind,
    /// The header's greatest timestamp is not that of the records.
    LowMaximum,
    HighMaximum,
    Old,
    Future,
    Earliest,
    /// No record has a time.
    Timeless,
    Keyless,
    /// lz4 blocks that need those before them.
    Linked,
    /// A batch behind the first.
    Twice,
    Magic(u8),
}

const KINDS: [Kind; 22] = [
    Kind::Sound,
    Kind::Garbage,
    Kind::CutShort,
    Kind::Empty,
    Kind::Fewer,
    Kind::More,
    Kind::Huge,
    Kind::Gap,
    Kind::SameOffsets,
    Kind::BytesBehind,
    Kind::LowMaximum,
    Kind::HighMaximum,
    Kind::Old,
    Kind::Future,
    Kind::Earliest,
    Kind::Timeless,
    Kind::Keyless,
    Kind::Linked,
    Kind::Twice,
    Kind::Magic(0),
    Kind::Magic(1),
    Kind::Magic(3),
];

/// Plays all kinds in all codecs on all topics.
pub fn play(pair: &mut Pair, told: &mut Told, seed: u64) {
    for side in [&mut pair.ours, &mut pair.theirs] {
        create(side);
    }
    pair.wait_until_alike();
    let mut random = StdRng::seed_from_u64(seed);
    for (topic, configs) in TOPICS {
        let sets_time = configs.iter().any(|(name, _)| *name == "message.timestamp.type");
        until_led(pair, topic);
        for codec in CODECS {
            for kind in KINDS {
                if codec == Codec::None && matches!(kind, Kind::Gap | Kind::SameOffsets) {
                    // Kafka stores these as they came, and then does not find its way in them.
                    continue;
                }
                let name = format!("{topic} {codec:?} {kind:?}");
                let version = VERSIONS[random.random_range(0..VERSIONS.len())];
                let bytes = batch(&mut random, kind, codec);
                let mut stage = Stage::new(pair, told, &name, Age::Newest);
                let request = request(topic, bytes);
                stage.ask_of::<produce::Request>(
                    version,
                    "producer",
                    |_| request.clone(),
                    |answer| {
                        hide_times(answer, sets_time);
                    },
                );
                for end in ENDS {
                    stage.ask_of::<list_offsets::Request>(
                        7,
                        "producer",
                        |_| find(topic, end),
                        |answer| {
                            let partition = &mut answer.topics[0].partitions[0];
                            partition.timestamp = if sets_time { 0 } else { partition.timestamp };
                        },
                    );
                }
            }
        }
    }
    pair.reset(&[]);
}

/// Each broker's own clock gave these.
fn hide_times(answer: &mut produce::Response, sets_time: bool) {
    let partition = &mut answer.responses[0].partition_responses[0];
    if sets_time && partition.log_append_time_ms > 0 {
        partition.log_append_time_ms = 0;
    }
}

fn create(side: &mut Side) {
    let config = |(name, value): &(&str, &str)| create_topics::CreatableTopicConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
    };
    let topics = TOPICS.iter().map(|(name, configs)| create_topics::CreatableTopic {
        name: (*name).to_owned(),
        num_partitions: 1,
        replication_factor: 1,
        configs: configs.iter().chain(&[("retention.ms", "-1")]).map(config).collect(),
        ..Default::default()
    });
    let request = create_topics::Request { topics: topics.collect(), ..Default::default() };
    for topic in side.connection.ask(&request, 7).topics {
        assert_eq!(topic.error_code, 0, "{topic:?}");
    }
}

/// Kafka's broker may not have heard yet that it leads a new partition.
fn until_led(pair: &mut Pair, topic: &str) {
    for _ in 0..200 {
        let (ours, theirs) = pair.both(&find(topic, ENDS[0]), 7);
        if [ours, theirs].iter().all(|answer| answer.topics[0].partitions[0].error_code == 0) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{topic} is not led");
}

fn find(topic: &str, timestamp: i64) -> list_offsets::Request {
    let partition = list_offsets::ListOffsetsPartition { timestamp, ..Default::default() };
    let topic = list_offsets::ListOffsetsTopic { name: topic.to_owned(), partitions: vec![partition] };
    list_offsets::Request { replica_id: -1, topics: vec![topic], ..Default::default() }
}

fn request(topic: &str, records: Bytes) -> produce::Request {
    let partition = produce::PartitionProduceData { index: 0, records: Some(records.into()) };
    let topic = produce::TopicProduceData {
        name: topic.to_owned(),
        partition_data: vec![partition],
        ..Default::default()
    };
    produce::Request { acks: -1, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("a clock").as_millis() as i64
}

fn batch(random: &mut StdRng, kind: Kind, codec: Codec) -> Bytes {
    let first_time = match kind {
        Kind::Old => now_ms() - 30 * DAY_MS,
        Kind::Future => now_ms() + 30 * DAY_MS,
        Kind::Earliest => i64::MIN,
        Kind::Timeless => -1,
        _ => now_ms(),
    };
    let step = i64::from(!matches!(kind, Kind::Timeless | Kind::Earliest));
    let mut inside = Vec::new();
    for index in 0..RECORDS as i64 {
        let offset = match kind {
            Kind::Gap if index > 0 => index + 4,
            Kind::SameOffsets => 0,
            _ => index,
        };
        let key = (kind != Kind::Keyless).then_some(&b"key"[..]);
        // Several blocks of lz4.
        let len = if kind == Kind::Linked { 70_000 } else { random.random_range(0..80) };
        inside.extend(record(offset, index * step, key, &vec![random.random_range(0..4); len]));
    }
    let count = match kind {
        Kind::Fewer => RECORDS + 1,
        Kind::More => RECORDS - 1,
        Kind::Huge => i32::MAX as usize,
        _ => RECORDS,
    };
    let greatest = first_time.saturating_add(step * (RECORDS as i64 - 1));
    let greatest = match kind {
        Kind::LowMaximum => greatest - 1,
        Kind::HighMaximum => greatest + 1,
        _ => greatest,
    };
    match kind {
        Kind::Empty => inside.clear(),
        Kind::BytesBehind => inside.extend(b"xx"),
        _ => {}
    }
    let mut payload = match kind {
        Kind::Garbage => (0..40).map(|_| random.random()).collect(),
        Kind::Linked if codec == Codec::Lz4 => linked(&inside),
        _ if codec == Codec::None => inside,
        _ => Compression::new(codec).compress(&inside).expect("bytes"),
    };
    if kind == Kind::CutShort {
        payload.truncate(payload.len() - 6);
    }
    let magic = if let Kind::Magic(magic) = kind { magic } else { 2 };
    let whole = seal(magic, codec, count as i32, [first_time, greatest], &payload);
    if kind == Kind::Twice { [&whole[..], &whole[..]].concat().into() } else { whole.into() }
}

/// Zigzag, as records have their numbers.
fn varint(into: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        into.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    into.push(rest as u8);
}

fn record(offset_delta: i64, timestamp_delta: i64, key: Option<&[u8]>, value: &[u8]) -> Vec<u8> {
    let mut body = vec![0];
    varint(&mut body, timestamp_delta);
    varint(&mut body, offset_delta);
    varint(&mut body, key.map_or(-1, |key| key.len() as i64));
    body.extend(key.unwrap_or_default());
    varint(&mut body, value.len() as i64);
    body.extend(value);
    varint(&mut body, 0);
    let mut whole = Vec::new();
    varint(&mut whole, body.len() as i64);
    whole.extend(body);
    whole
}

fn linked(inside: &[u8]) -> Vec<u8> {
    let mut encoder = lz4::EncoderBuilder::new()
        .block_mode(lz4::BlockMode::Linked)
        .block_size(lz4::BlockSize::Max64KB)
        .build(Vec::new())
        .expect("an encoder");
    std::io::Write::write_all(&mut encoder, inside).expect("bytes");
    encoder.finish().0
}

/// A batch of a producer without an id, under a right checksum.
fn seal(magic: u8, codec: Codec, count: i32, [first, greatest]: [i64; 2], payload: &[u8]) -> Vec<u8> {
    let mut checked = Vec::new();
    checked.extend(codec.id().to_be_bytes());
    checked.extend((count - 1).to_be_bytes());
    checked.extend(first.to_be_bytes());
    checked.extend(greatest.to_be_bytes());
    checked.extend([0xff; 8 + 2 + 4]);
    checked.extend(count.to_be_bytes());
    checked.extend(payload);
    let mut whole = vec![0; 8];
    whole.extend((checked.len() as i32 + 4 + 1 + 4).to_be_bytes());
    whole.extend((-1i32).to_be_bytes());
    whole.push(magic);
    whole.extend(crc32c::checksum(&checked).to_be_bytes());
    whole.extend(checked);
    whole
}
