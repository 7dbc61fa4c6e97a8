//! Messages among brokers of the group. Peers carry it as bytes: postcard, after a byte for the format.

use bytes::Bytes;
use openraft::error::{InstallSnapshotError, RaftError};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use serde::{Deserialize, Serialize};

use super::types::{Group, LogId};
use crate::metadata::command::Command;
use crate::metadata::error::ProposeError;
use crate::metadata::outcome::Outcome;
use crate::metadata::quorum::Quorum;
use crate::peer::Service;
use crate::types::{BrokerId, Incarnation};

/// A call, with who makes it: a process whose successor has been heard of is refused.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub from: BrokerId,
    pub incarnation: Incarnation,
    pub call: Call,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Call {
    Append(AppendEntriesRequest<Group>),
    Vote(VoteRequest<u64>),
    Snapshot(InstallSnapshotRequest<Group>),
    /// Commands of the caller, under its own number.
    Propose {
        number: u64,
        commands: Vec<Command>,
    },
    /// Runs commands on a copy of the image.
    Validate(Vec<Command>),
    /// True if the callee leads, and up to where a reader must have applied to read what is true now.
    ReadIndex,
    /// The caller leads in this term.
    Beat {
        term: u64,
    },
    /// The caller would campaign, with this log.
    Canvass {
        last_log: Option<LogId>,
    },
    Ping,
    /// The state of the group, as the callee sees it.
    Quorum,
    /// A broker's process has started, and is reached there. The leader makes it a member if it is none.
    Join(Joining),
}

/// A broker that may be no member yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Joining {
    pub broker: BrokerId,
    /// `host:port`.
    pub address: String,
    /// Passed on by a member to the one that it takes for the leader, which the broker may not know how to reach.
    pub is_passed_on: bool,
}

impl Call {
    pub(super) fn service(&self) -> Service {
        match self {
            Call::Append(_) | Call::Vote(_) | Call::Snapshot(_) => Service::Raft,
            Call::Propose { .. } | Call::Validate(_) | Call::ReadIndex | Call::Quorum | Call::Join(_) => {
                Service::Metadata
            }
            Call::Beat { .. } | Call::Canvass { .. } | Call::Ping => Service::Liveness,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Append(Result<AppendEntriesResponse<u64>, RaftError<u64>>),
    Vote(Result<VoteResponse<u64>, RaftError<u64>>),
    Snapshot(Result<InstallSnapshotResponse<u64>, RaftError<u64, InstallSnapshotError>>),
    Propose(Result<Written, ProposeError>),
    Validate(Result<Vec<Outcome>, ProposeError>),
    ReadIndex(Result<u64, ProposeError>),
    /// The callee knows of no later term.
    Beat {
        agrees: bool,
    },
    Canvass {
        consents: bool,
    },
    Pong,
    /// The caller was started again since.
    Stale {
        current: Incarnation,
    },
    /// The request is not one that this version knows.
    Unknown,
    Quorum(Quorum),
    Join(Result<(), ProposeError>),
}

/// Commands that are committed and applied at the leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct Written {
    /// Of the entry that has them. An image of this index or more shows what they did.
    pub index: u64,
    pub outcomes: Vec<Outcome>,
}

const FORMAT: u8 = 1;

pub(super) fn encode<T: Serialize>(message: &T) -> Result<Bytes, postcard::Error> {
    Ok(postcard::to_extend(message, vec![FORMAT])?.into())
}

pub(super) fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    match bytes.split_first() {
        Some((&FORMAT, message)) => postcard::from_bytes(message).ok(),
        _ => None,
    }
}
