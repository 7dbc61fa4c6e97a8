//! A topic, as the shards of its partitions remember it.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Malformed, Tag, expect_end, expect_version};
use crate::types::TopicId;

const NAME: &str = "topic";
const VERSION: u8 = 1;

/// What the metadata said of a topic when the shard served it last: were the metadata lost, it is made anew from these.
///
/// ```text
/// key    tag 11 | topic id 16
/// value  version u8 = 1 | created ms i64 | partitions of the topic u32 | here u32 | here x partition u32
///        | name | configs u32 | configs x [name | value]                  (text: length u32 | UTF-8)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTopic {
    pub id: TopicId,
    pub name: String,
    pub created_ms: i64,
    /// How many partitions the topic has on all shards together.
    pub partitions: u32,
    /// Those on this shard.
    pub here: Vec<u32>,
    pub configs: BTreeMap<String, String>,
}

impl KeptTopic {
    pub fn key(id: TopicId) -> Bytes {
        let mut into = BytesMut::with_capacity(17);
        into.put_u8(Tag::Topic as u8);
        into.put_slice(id.0.as_bytes());
        into.freeze()
    }

    pub fn value(&self) -> Bytes {
        let mut into = BytesMut::new();
        into.put_u8(VERSION);
        into.put_i64(self.created_ms);
        into.put_u32(self.partitions);
        into.put_u32(u32::try_from(self.here.len()).unwrap_or(u32::MAX));
        for index in &self.here {
            into.put_u32(*index);
        }
        put_text(&mut into, &self.name);
        into.put_u32(u32::try_from(self.configs.len()).unwrap_or(u32::MAX));
        for (name, value) in &self.configs {
            put_text(&mut into, name);
            put_text(&mut into, value);
        }
        into.freeze()
    }

    pub fn decode(key: &[u8], mut value: &[u8]) -> Result<KeptTopic, Malformed> {
        let malformed = |_| Malformed(NAME);
        let id = key.strip_prefix(&[Tag::Topic as u8]).ok_or(Malformed(NAME))?;
        let id = TopicId(uuid::Uuid::from_slice(id).map_err(|_| Malformed(NAME))?);
        let value = &mut value;
        expect_version(NAME, value, VERSION)?;
        let created_ms = value.try_get_i64().map_err(malformed)?;
        let partitions = value.try_get_u32().map_err(malformed)?;
        let count = value.try_get_u32().map_err(malformed)? as usize;
        if count > value.len() / 4 {
            return Err(Malformed(NAME));
        }
        let here: Result<Vec<u32>, _> = (0..count).map(|_| value.try_get_u32().map_err(malformed)).collect();
        let here = here?;
        let name = text(value)?;
        let mut configs = BTreeMap::new();
        for _ in 0..value.try_get_u32().map_err(malformed)? {
            let name = text(value)?;
            configs.insert(name, text(value)?);
        }
        expect_end(NAME, value)?;
        Ok(KeptTopic { id, name, created_ms, partitions, here, configs })
    }
}

fn put_text(into: &mut BytesMut, text: &str) {
    into.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    into.put_slice(text.as_bytes());
}

fn text(value: &mut &[u8]) -> Result<String, Malformed> {
    let length = value.try_get_u32().map_err(|_| Malformed(NAME))? as usize;
    let (text, rest) = value.split_at_checked(length).ok_or(Malformed(NAME))?;
    *value = rest;
    Ok(std::str::from_utf8(text).map_err(|_| Malformed(NAME))?.to_owned())
}
