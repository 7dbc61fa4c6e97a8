//! The stored row of a classic group: its last complete generation.

use std::sync::Arc;

use bytes::Bytes;

use super::group::{Group, Phase};
use super::member::metadata;
use super::{Member, Protocol};
use crate::coordinator::runtime::{self, LoadError, Malformed};
use crate::log::fields::{Rest, fields, read, write};
use crate::log::keys::{self, Tag};

const VERSION: u8 = 1;

fields! {
    pub struct Key {
        group: String as Rest,
    }
}

fields! {
    /// A group between two rebalances (Kafka's `GroupMetadataValue`): what a coordinator goes on with after a restart.
    pub struct Stored {
        since_ms: i64,
        generation: i32,
        protocol_type: Option<Arc<str>>,
        protocol_name: Option<Arc<str>>,
        leader: Option<Arc<str>>,
        members: Vec<StoredMember>,
    }
}

fields! {
    pub struct StoredMember {
        id: Arc<str>,
        instance: Option<Arc<str>>,
        client_id: String,
        client_host: String,
        session_timeout_ms: i32,
        rebalance_timeout_ms: i32,
        /// Its metadata under the group's protocol; that of others is forgotten.
        metadata: Bytes,
        assignment: Bytes,
    }
}

fields!(Protocol { name, metadata });

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
        keys::key(Tag::ClassicGroup, &Key { group: id.to_owned() })
    }

    fn value(&self) -> Option<Bytes> {
        self.0.as_ref().map(Stored::encode)
    }

    fn decode(tag: Tag, key: &[u8], value: Bytes) -> Result<(String, Row), LoadError> {
        let Key { group } = keys::fields_of(tag, key)?;
        Ok((group, Stored::decode(value)?.into()))
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

    pub fn encode(&self) -> Bytes {
        write(VERSION, self)
    }

    pub fn decode(from: Bytes) -> Result<Stored, Malformed> {
        read(VERSION, &from).ok_or_else(|| Malformed::of(&from, VERSION))
    }
}
