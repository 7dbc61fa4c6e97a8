//! The stored row of a classic group: its last complete generation.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::group::{Group, Phase};
use super::member::metadata;
use super::{Member, Protocol};
use crate::coordinator::group::fields::{get_bytes, get_i32, get_opt, get_str, length, put_bytes, put_opt};
use crate::coordinator::runtime::{self, LoadError, Malformed};
use crate::log::keys::{self, Tag};

const VERSION: u8 = 1;

/// A group between two rebalances (Kafka's `GroupMetadataValue`): what a coordinator goes on with after a restart.
///
/// ```text
/// version u8 = 1 | since ms i64 | generation i32 | protocol type opt | protocol name opt | leader opt | members u32
/// | members x [id str | instance opt | client id str | client host str | session timeout ms i32
/// | rebalance timeout ms i32 | metadata bytes | assignment bytes]
/// str, bytes: length u32, then as many bytes; opt: 0 u8, or 1 u8 and a str
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub since_ms: i64,
    pub generation: i32,
    pub protocol_type: Option<Arc<str>>,
    pub protocol_name: Option<Arc<str>>,
    pub leader: Option<Arc<str>>,
    pub members: Vec<StoredMember>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMember {
    pub id: Arc<str>,
    pub instance: Option<Arc<str>>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    /// Its metadata under the group's protocol; that of others is forgotten.
    pub metadata: Bytes,
    pub assignment: Bytes,
}

/// The row of a group; `None` where the group is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Option<Stored>);

impl From<Stored> for Row {
    fn from(stored: Stored) -> Row {
        Row(Some(stored))
    }
}

impl runtime::Row for Row {
    const TAGS: &'static [Tag] = &[Tag::ClassicGroup];

    fn key(&self, id: &str) -> Bytes {
        keys::classic_group(id)
    }

    fn value(&self) -> Option<Bytes> {
        self.0.as_ref().map(Stored::encode)
    }

    fn decode(_: Tag, key: &[u8], value: Bytes) -> Result<(String, Row), LoadError> {
        Ok((keys::classic_group_id(key)?.to_owned(), Stored::decode(value)?.into()))
    }
}

impl Group {
    /// Becomes what is stored: stable with its members, or empty. Of members that it knows it keeps what they say under
    /// other protocols, and it keeps those who wait.
    pub(super) fn become_stored(&mut self, stored: &Stored) {
        let waiting = std::mem::take(&mut self.waiting);
        let before = std::mem::replace(self, Group { waiting, ..Group::empty(stored.since_ms) });
        let protocol_name = stored.protocol_name.clone().unwrap_or_else(|| "".into());
        let protocol_type = stored.protocol_type.clone().unwrap_or_else(|| "".into());
        for member in &stored.members {
            let known = before.member(&member.id).map(|known| &known.protocols);
            let protocols = known.filter(|known| metadata(known, &protocol_name) == member.metadata).cloned();
            let only =
                || [Protocol { name: protocol_name.clone(), metadata: member.metadata.clone() }].into();
            let member = Member {
                id: Arc::clone(&member.id),
                instance: member.instance.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                session_timeout_ms: member.session_timeout_ms,
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                protocols: protocols.unwrap_or_else(only),
                assignment: member.assignment.clone(),
                is_new: false,
            };
            self.add(member, &protocol_type);
        }
        if !self.members.is_empty() {
            self.phase = Phase::Stable;
        }
        self.generation = stored.generation;
        self.protocol_type = Some(protocol_type).filter(|name| !name.is_empty());
        self.protocol_name = stored.protocol_name.clone();
        self.leader = stored.leader.clone();
    }
}

impl Stored {
    pub fn of(group: &Group) -> Stored {
        let protocol = group.protocol_name().unwrap_or_default();
        let member = |member: &Member| StoredMember {
            id: Arc::clone(&member.id),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            session_timeout_ms: member.session_timeout_ms,
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            metadata: member.metadata(protocol),
            assignment: member.assignment.clone(),
        };
        Stored {
            since_ms: group.since_ms,
            generation: group.generation,
            protocol_type: group.protocol_type.clone(),
            protocol_name: group.protocol_name.clone(),
            leader: group.leader.clone(),
            members: group.members().map(member).collect(),
        }
    }

    /// Number of bytes that [`Stored::encode`] gives.
    pub fn len(&self) -> usize {
        let opt = |text: &Option<Arc<str>>| 1 + text.as_ref().map_or(0, |text| 4 + text.len());
        let member = |member: &StoredMember| {
            let texts = member.id.len() + member.client_id.len() + member.client_host.len();
            let blobs = member.metadata.len() + member.assignment.len();
            5 * 4 + 2 * 4 + texts + blobs + opt(&member.instance)
        };
        let head = opt(&self.protocol_type) + opt(&self.protocol_name) + opt(&self.leader);
        1 + 8 + 4 + head + 4 + self.members.iter().map(member).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn encode(&self) -> Bytes {
        let mut into = BytesMut::with_capacity(self.len());
        into.put_u8(VERSION);
        into.put_i64(self.since_ms);
        into.put_i32(self.generation);
        put_opt(&mut into, self.protocol_type.as_deref());
        put_opt(&mut into, self.protocol_name.as_deref());
        put_opt(&mut into, self.leader.as_deref());
        into.put_u32(length(self.members.len()));
        for member in &self.members {
            put_bytes(&mut into, member.id.as_bytes());
            put_opt(&mut into, member.instance.as_deref());
            put_bytes(&mut into, member.client_id.as_bytes());
            put_bytes(&mut into, member.client_host.as_bytes());
            into.put_i32(member.session_timeout_ms);
            into.put_i32(member.rebalance_timeout_ms);
            put_bytes(&mut into, &member.metadata);
            put_bytes(&mut into, &member.assignment);
        }
        into.freeze()
    }

    pub fn decode(mut from: Bytes) -> Result<Stored, Malformed> {
        let from = &mut from;
        if from.try_get_u8().map_err(|_| Malformed)? != VERSION {
            return Err(Malformed);
        }
        let mut stored = Stored {
            since_ms: from.try_get_i64().map_err(|_| Malformed)?,
            generation: get_i32(from)?,
            protocol_type: get_opt(from)?,
            protocol_name: get_opt(from)?,
            leader: get_opt(from)?,
            members: Vec::new(),
        };
        let members = from.try_get_u32().map_err(|_| Malformed)?;
        for _ in 0..members {
            stored.members.push(StoredMember {
                id: get_str(from)?.into(),
                instance: get_opt(from)?,
                client_id: get_str(from)?,
                client_host: get_str(from)?,
                session_timeout_ms: get_i32(from)?,
                rebalance_timeout_ms: get_i32(from)?,
                metadata: get_bytes(from)?,
                assignment: get_bytes(from)?,
            });
        }
        match from.has_remaining() {
            true => Err(Malformed),
            false => Ok(stored),
        }
    }
}
