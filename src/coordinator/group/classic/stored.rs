//! What is stored of a classic group: its last complete generation.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::group::{Group, Phase};
use super::{Member, Protocol};
pub use crate::coordinator::group::fields::Malformed;
use crate::coordinator::group::fields::{get_bytes, get_i32, get_opt, get_str, length, put_bytes, put_opt};

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
    /// What it says under the group's protocol; the others are forgotten.
    pub metadata: Bytes,
    pub assignment: Bytes,
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

    /// The group as it goes on: stable with its members, or empty.
    pub fn into_group(self) -> Group {
        let mut group = Group::empty(self.since_ms);
        let protocol_type = self.protocol_type.unwrap_or_else(|| "".into());
        for member in self.members {
            let protocol = Protocol {
                name: self.protocol_name.clone().unwrap_or_else(|| "".into()),
                metadata: member.metadata,
            };
            let member = Member {
                id: member.id,
                instance: member.instance,
                client_id: member.client_id,
                client_host: member.client_host,
                session_timeout_ms: member.session_timeout_ms,
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                protocols: [protocol].into(),
                assignment: member.assignment,
                is_new: false,
            };
            group.add(member, &protocol_type);
        }
        if !group.members.is_empty() {
            group.phase = Phase::Stable;
        }
        group.generation = self.generation;
        group.protocol_type = Some(protocol_type).filter(|name| !name.is_empty());
        group.protocol_name = self.protocol_name;
        group.leader = self.leader;
        group
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
