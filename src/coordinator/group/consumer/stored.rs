//! Stored rows of a consumer group: one for the group, three for each member, one for each pattern.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::Assignment;
use super::member::{Classic, Member, Names};
use super::reconcile::{Progress, State};
use crate::coordinator::group::assignor::Assignor;
use crate::coordinator::group::fields::{Field, fields, read, write};
use crate::coordinator::runtime::{self, LoadError, Malformed};
use crate::log::keys::{self, Tag};

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
        Some(match self {
            Row::Head(head) => write(VERSION, head.as_ref()?),
            Row::Member(_, member) => write(VERSION, member.as_ref()?),
            Row::Target(_, target) => write(VERSION, target.as_ref()?),
            Row::Progress(_, progress) => write(VERSION, progress.as_ref()?),
            Row::Pattern(_, names) => write(VERSION, names.as_ref()?),
        })
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

    pub(super) fn decode_part(part: &[u8], value: Bytes) -> Result<Row, Malformed> {
        let (kind, name) = part.split_first().ok_or(Malformed)?;
        let name: Arc<str> = std::str::from_utf8(name).map_err(|_| Malformed)?.into();
        match kind {
            0 => Ok(Row::Head(Some(read(VERSION, value)?))),
            1 => {
                let member = Member { id: Arc::clone(&name), ..read(VERSION, value)? };
                Ok(Row::Member(name, Some(Arc::new(member))))
            }
            2 => Ok(Row::Target(name, Some(read(VERSION, value)?))),
            3 => Ok(Row::Progress(name, Some(read(VERSION, value)?))),
            4 => Ok(Row::Pattern(name, Some(read(VERSION, value)?))),
            _ => Err(Malformed),
        }
    }
}

fields!(Head { epoch, metadata_hash, assignment_epoch, assigned_ms });

fields!(Member {
    instance, rack, client_id, client_host, rebalance_timeout_ms, topics, pattern, assignor, classic
} but id);

fields!(Classic { session_timeout_ms, protocols });

fields!(Progress { epoch, previous_epoch, state, assigned, revoking });

/// By its name. An assignor that is no more is as good as none.
impl Field for Option<Assignor> {
    fn put(&self, into: &mut BytesMut) {
        self.map(|assignor| Arc::<str>::from(assignor.name())).put(into);
    }

    fn get(from: &mut Bytes) -> Result<Option<Assignor>, Malformed> {
        let name = Option::<Arc<str>>::get(from)?;
        Ok(name.and_then(|name| Assignor::named(&name)))
    }
}

impl Field for State {
    fn put(&self, into: &mut BytesMut) {
        let state: u8 = match self {
            State::Stable => 0,
            State::Revoking => 1,
            State::Waiting => 2,
        };
        state.put(into);
    }

    fn get(from: &mut Bytes) -> Result<State, Malformed> {
        match u8::get(from)? {
            0 => Ok(State::Stable),
            1 => Ok(State::Revoking),
            2 => Ok(State::Waiting),
            _ => Err(Malformed),
        }
    }
}
