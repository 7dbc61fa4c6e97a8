//! Stored rows of a consumer group: one for the group, three for each member, one for each pattern.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::Assignment;
use super::member::{Classic, Member, Names};
use super::reconcile::{Progress, State};
use crate::coordinator::group::assignor::Assignor;
use crate::coordinator::runtime::{self, LoadError, Malformed};
use crate::log::fields::{Codec, Plain, Reader, Sink, codes, fields, read, write};
use crate::log::keys::{self, Tag};

const VERSION: u8 = 1;

/// A part of a group, as it is from now on; `None` where it is gone.
///
/// ```text
/// key      kind u8 | member id, pattern, or nothing, to the end         (behind what says whose group it is)
/// value    version u8 = 1 | fields: of 0 [`Head`], 1 [`Member`], 2 [`Assignment`], 3 [`Progress`], 4 [`Names`]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    Head(Option<Head>),
    Member(Arc<str>, Option<Arc<Member>>),
    Target(Arc<str>, Option<Arc<Assignment>>),
    Progress(Arc<str>, Option<Arc<Progress>>),
    Pattern(Arc<str>, Option<Arc<Names>>),
}

fields! {
    /// The row of the group itself.
    #[derive(Copy)]
    pub struct Head {
        /// Grows with every change that asks for a new target.
        epoch: i32,
        /// Of the subscribed topics: their names, ids and numbers of partitions.
        metadata_hash: u64,
        /// The group epoch that the target was made for.
        assignment_epoch: i32,
        /// The time when the target was made; 0 if the next one need not wait.
        assigned_ms: i64,
    }
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
        let row = match kind {
            0 => read(VERSION, &value).map(|head| Row::Head(Some(head))),
            1 => read(VERSION, &value).map(|member| {
                let member = Member { id: Arc::clone(&name), ..member };
                Row::Member(name, Some(Arc::new(member)))
            }),
            2 => read(VERSION, &value).map(|target| Row::Target(name, Some(target))),
            3 => read(VERSION, &value).map(|progress| Row::Progress(name, Some(progress))),
            4 => read(VERSION, &value).map(|names| Row::Pattern(name, Some(names))),
            _ => None,
        };
        row.ok_or(Malformed)
    }
}

fields!(Member {
    instance, rack, client_id, client_host, rebalance_timeout_ms, topics, pattern, assignor, classic
} but { id: Arc::default() });

fields!(Classic { session_timeout_ms, protocols });

fields!(Progress { epoch, previous_epoch, state, assigned, revoking });

codes!(State { Stable = 0, Revoking = 1, Waiting = 2 });

/// By its name. An assignor that is no more is as good as none.
impl Codec<Option<Assignor>> for Plain {
    fn put(&self, assignor: &Option<Assignor>, into: &mut impl Sink) {
        Plain.put(&assignor.map(|assignor| Arc::<str>::from(assignor.name())), into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Option<Assignor>> {
        let name: Option<Arc<str>> = Plain.get(from)?;
        Some(name.and_then(|name| Assignor::named(&name)))
    }
}
