//! Stored rows of a consumer group: one for the group, three for each member, one for each pattern.

use std::sync::Arc;

use bytes::Bytes;

use super::Assignment;
use super::member::{Classic, Member, Names};
use super::reconcile::{Progress, State};
use crate::coordinator::group::assignor::Assignor;
use crate::coordinator::runtime::{self, LoadError, Malformed};
use crate::log::fields::{Codec, Plain, Reader, Rest, Sink, Text, codes, fields, read, write};
use crate::log::keys::{self, Tag};

const VERSION: u8 = 1;

fields! {
    pub struct Key {
        // Kafka's strings have a length of two bytes at most.
        group: String as Text(2),
        /// The kind of the value: 0 [`Head`], 1 [`Member`], 2 [`Assignment`], 3 [`Progress`], 4 [`Names`].
        part: u8,
        /// Member id, pattern, or nothing.
        name: String as Rest,
    }
}

/// A part of a group, as it is from now on; `None` where it is gone.
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
        let (part, name) = match self {
            Row::Head(_) => (0, ""),
            Row::Member(id, _) => (1, &**id),
            Row::Target(id, _) => (2, &**id),
            Row::Progress(id, _) => (3, &**id),
            Row::Pattern(pattern, _) => (4, &**pattern),
        };
        keys::key(Tag::ConsumerGroup, &Key { group: id.to_owned(), part, name: name.to_owned() })
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

    fn decode(tag: Tag, key: &[u8], value: Bytes) -> Result<(String, Row), LoadError> {
        let Key { group, part, name } = keys::fields_of(tag, key)?;
        let name: Arc<str> = name.into();
        let row = match part {
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
        Ok((group, row.ok_or_else(|| Malformed::of(&value, VERSION))?))
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
