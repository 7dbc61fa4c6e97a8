//! Rules for the batches that producers send to a topic, from its settings.

use crate::protocol::batch::{Codec, Compression, Depth, Rules, TimestampType};
use crate::settings::{self, TopicSettings};

/// Zstandard came with this version of Produce (KIP-110).
const ZSTD_SINCE: i16 = 7;

/// The rules for one topic in a request of `version`.
pub fn rules(settings: &TopicSettings, version: i16, depth: Depth) -> Rules {
    Rules {
        max_batch_bytes: settings.max_message_bytes as usize,
        max_record_bytes: settings.max_decompressed_message_bytes as usize,
        timestamp_type: match settings.timestamps.kind {
            settings::TimestampType::CreateTime => TimestampType::CreateTime,
            settings::TimestampType::LogAppendTime => TimestampType::LogAppendTime,
        },
        timestamp_before_max_ms: settings.timestamps.before_max_ms,
        timestamp_after_max_ms: settings.timestamps.after_max_ms,
        compacted: settings.cleanup.compact,
        compression: compression(settings.compression),
        zstd_allowed: version >= ZSTD_SINCE,
        transactions_allowed: false,
        depth,
    }
}

fn compression(wanted: settings::Compression) -> Option<Compression> {
    let with = |codec, level: Option<i32>| Some(Compression { codec, level });
    match wanted {
        settings::Compression::Producer => None,
        settings::Compression::Uncompressed => with(Codec::None, None),
        settings::Compression::Gzip(level) => {
            with(Codec::Gzip, level.and_then(|level| i32::try_from(level).ok()))
        }
        settings::Compression::Snappy => with(Codec::Snappy, None),
        settings::Compression::Lz4(level) => with(Codec::Lz4, i32::try_from(level).ok()),
        settings::Compression::Zstd(level) => with(Codec::Zstd, Some(level)),
    }
}
