//! Stored rows of a consumer group: one for the group, three for each member, one for each pattern.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::member::{Classic, Member, Names};
use super::reconcile::{Progress, State};
use super::{Assignment, Held};
use crate::coordinator::group::assignor::Assignor;
use crate::coordinator::group::classic::Protocol;
use crate::coordinator::group::fields::{
    get_bytes, get_i32, get_i64, get_opt, get_str, get_u8, get_u32, length, put_bytes, put_opt,
};
use crate::coordinator::runtime::{self, LoadError, Malformed};
use crate::log::keys::{self, Tag};
use crate::types::TopicId;

const VERSION: u8 = 1;

/// A part of a group, as it is from now on; `None` where it is gone.
///
/// ```text
/// key       kind u8 | member id, pattern, or nothing, to the end        (behind what says whose group it is)
/// 0 head      version u8 = 1 | epoch i32 | metadata hash u64 | assignment epoch i32 | assigned ms i64
/// 1 member    version u8 = 1 | instance opt | rack opt | client id str | client host str | rebalance timeout ms i32
///             | topics names | pattern opt | assignor opt
///             | classic u8: 0, or 1 and session timeout ms i32 | protocols u32 x [name str | metadata bytes]
/// 2 target    version u8 = 1 | topics u32 x [topic id 16 | partitions u32 x i32]
/// 3 progress  version u8 = 1 | epoch i32 | previous epoch i32 | state u8 | assigned held | revoking held
///             held: topics u32 x [topic id 16 | partitions u32 x [index i32 | epoch i32]]
/// 4 pattern   version u8 = 1 | topics names
/// names: u32 x str
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    Head(Option<Head>),
    Member(Arc<str>, Option<Arc<Member>>),
    Target(Arc<str>, Option<Arc<Assignment>>),
    Progress(Arc<str>, Option<Arc<Progress>>),
    Pattern(Arc<str>, Option<Arc<Names>>),
}

/// The row of the group itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Grows with every change that asks for a new target.
    pub epoch: i32,
    /// Of the subscribed topics: their names, ids and numbers of partitions.
    pub metadata_hash: u64,
    /// The group epoch that the target was made for.
    pub assignment_epoch: i32,
    /// The time when the target was made; 0 if the next one need not wait.
    pub assigned_ms: i64,
}

impl Default for Head {
    /// That of a new group. Not 0: a member that stayed there would seem to join with every heartbeat.
    fn default() -> Head {
        Head { epoch: 1, metadata_hash: 0, assignment_epoch: 1, assigned_ms: 0 }
    }
}

impl runtime::Row for Row {
    const TAGS: &'static [Tag] = &[Tag::ConsumerGroup];

    fn key(&self, id: &str) -> Bytes {
        keys::consumer_group(id, &self.part())
    }

    fn value(&self) -> Option<Bytes> {
        let mut into = BytesMut::new();
        into.put_u8(VERSION);
        match self {
            Row::Head(head) => put_head(&mut into, head.as_ref()?),
            Row::Member(_, member) => put_member(&mut into, member.as_ref()?),
            Row::Target(_, target) => put_target(&mut into, target.as_ref()?),
            Row::Progress(_, progress) => put_progress(&mut into, progress.as_ref()?),
            Row::Pattern(_, names) => put_names(&mut into, names.as_ref()?),
        }
        Some(into.freeze())
    }

    fn decode(_: Tag, key: &[u8], value: Bytes) -> Result<(String, Row), LoadError> {
        let (id, part) = keys::split_consumer_group(key)?;
        Ok((id.to_owned(), Row::decode_part(part, value)?))
    }
}

impl Row {
    /// The key behind what says whose row it is.
    pub(super) fn part(&self) -> Bytes {
        let (kind, name) = match self {
            Row::Head(_) => (0, ""),
            Row::Member(id, _) => (1, &**id),
            Row::Target(id, _) => (2, &**id),
            Row::Progress(id, _) => (3, &**id),
            Row::Pattern(pattern, _) => (4, &**pattern),
        };
        let mut part = BytesMut::with_capacity(1 + name.len());
        part.put_u8(kind);
        part.put_slice(name.as_bytes());
        part.freeze()
    }

    pub(super) fn decode_part(key: &[u8], mut value: Bytes) -> Result<Row, Malformed> {
        let (kind, name) = key.split_first().ok_or(Malformed)?;
        let name: Arc<str> = std::str::from_utf8(name).map_err(|_| Malformed)?.into();
        let from = &mut value;
        if get_u8(from)? != VERSION {
            return Err(Malformed);
        }
        let row = match kind {
            0 => Row::Head(Some(get_head(from)?)),
            1 => Row::Member(Arc::clone(&name), Some(Arc::new(get_member(from, name)?))),
            2 => Row::Target(name, Some(Arc::new(get_target(from)?))),
            3 => Row::Progress(name, Some(Arc::new(get_progress(from)?))),
            4 => Row::Pattern(name, Some(Arc::new(get_names(from)?))),
            _ => return Err(Malformed),
        };
        match from.has_remaining() {
            true => Err(Malformed),
            false => Ok(row),
        }
    }
}

fn put_head(into: &mut BytesMut, head: &Head) {
    into.put_i32(head.epoch);
    into.put_u64(head.metadata_hash);
    into.put_i32(head.assignment_epoch);
    into.put_i64(head.assigned_ms);
}

fn get_head(from: &mut Bytes) -> Result<Head, Malformed> {
    Ok(Head {
        epoch: get_i32(from)?,
        metadata_hash: get_i64(from)?.cast_unsigned(),
        assignment_epoch: get_i32(from)?,
        assigned_ms: get_i64(from)?,
    })
}

fn put_member(into: &mut BytesMut, member: &Member) {
    put_opt(into, member.instance.as_deref());
    put_opt(into, member.rack.as_deref());
    put_bytes(into, member.client_id.as_bytes());
    put_bytes(into, member.client_host.as_bytes());
    into.put_i32(member.rebalance_timeout_ms);
    put_names(into, &member.topics);
    put_opt(into, member.pattern.as_deref());
    put_opt(into, member.assignor.map(Assignor::name));
    into.put_u8(u8::from(member.classic.is_some()));
    if let Some(classic) = &member.classic {
        into.put_i32(classic.session_timeout_ms);
        into.put_u32(length(classic.protocols.len()));
        for protocol in classic.protocols.iter() {
            put_bytes(into, protocol.name.as_bytes());
            put_bytes(into, &protocol.metadata);
        }
    }
}

fn get_member(from: &mut Bytes, id: Arc<str>) -> Result<Member, Malformed> {
    Ok(Member {
        id,
        instance: get_opt(from)?,
        rack: get_opt(from)?,
        client_id: get_str(from)?.into(),
        client_host: get_str(from)?.into(),
        rebalance_timeout_ms: get_i32(from)?,
        topics: Arc::new(get_names(from)?),
        pattern: get_opt(from)?,
        // An assignor that is no more is as good as none.
        assignor: get_opt(from)?.and_then(|name| Assignor::named(&name)),
        classic: match get_u8(from)? {
            0 => None,
            1 => Some(get_classic(from)?),
            _ => return Err(Malformed),
        },
    })
}

fn get_classic(from: &mut Bytes) -> Result<Classic, Malformed> {
    let session_timeout_ms = get_i32(from)?;
    let mut protocols = Vec::new();
    for _ in 0..get_u32(from)? {
        protocols.push(Protocol { name: get_str(from)?.into(), metadata: get_bytes(from)? });
    }
    Ok(Classic { session_timeout_ms, protocols: protocols.into() })
}

fn put_target(into: &mut BytesMut, target: &Assignment) {
    into.put_u32(length(target.len()));
    for (topic, partitions) in target {
        into.put_slice(topic.0.as_bytes());
        into.put_u32(length(partitions.len()));
        for index in partitions {
            into.put_i32(*index);
        }
    }
}

fn get_target(from: &mut Bytes) -> Result<Assignment, Malformed> {
    let mut target = Assignment::new();
    for _ in 0..get_u32(from)? {
        let partitions = target.entry(get_topic(from)?).or_default();
        for _ in 0..get_u32(from)? {
            partitions.insert(get_i32(from)?);
        }
    }
    Ok(target)
}

fn put_progress(into: &mut BytesMut, progress: &Progress) {
    into.put_i32(progress.epoch);
    into.put_i32(progress.previous_epoch);
    into.put_u8(match progress.state {
        State::Stable => 0,
        State::Revoking => 1,
        State::Waiting => 2,
    });
    put_held(into, &progress.assigned);
    put_held(into, &progress.revoking);
}

fn get_progress(from: &mut Bytes) -> Result<Progress, Malformed> {
    Ok(Progress {
        epoch: get_i32(from)?,
        previous_epoch: get_i32(from)?,
        state: match get_u8(from)? {
            0 => State::Stable,
            1 => State::Revoking,
            2 => State::Waiting,
            _ => return Err(Malformed),
        },
        assigned: get_held(from)?,
        revoking: get_held(from)?,
    })
}

fn put_held(into: &mut BytesMut, held: &Held) {
    into.put_u32(length(held.len()));
    for (topic, partitions) in held {
        into.put_slice(topic.0.as_bytes());
        into.put_u32(length(partitions.len()));
        for (index, epoch) in partitions {
            into.put_i32(*index);
            into.put_i32(*epoch);
        }
    }
}

fn get_held(from: &mut Bytes) -> Result<Held, Malformed> {
    let mut held = Held::new();
    for _ in 0..get_u32(from)? {
        let partitions = held.entry(get_topic(from)?).or_default();
        for _ in 0..get_u32(from)? {
            partitions.insert(get_i32(from)?, get_i32(from)?);
        }
    }
    Ok(held)
}

fn put_names(into: &mut BytesMut, names: &Names) {
    into.put_u32(length(names.len()));
    for name in names {
        put_bytes(into, name.as_bytes());
    }
}

fn get_names(from: &mut Bytes) -> Result<Names, Malformed> {
    let mut names = Names::new();
    for _ in 0..get_u32(from)? {
        names.insert(get_str(from)?.into());
    }
    Ok(names)
}

fn get_topic(from: &mut Bytes) -> Result<TopicId, Malformed> {
    match from.remaining() < 16 {
        true => Err(Malformed),
        false => Uuid::from_slice(&from.split_to(16)).map(TopicId).map_err(|_| Malformed),
    }
}
