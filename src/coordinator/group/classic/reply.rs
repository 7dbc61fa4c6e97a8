//! Answers of a classic group.

use std::sync::Arc;

use bytes::Bytes;

use crate::coordinator::runtime::{self, Asker, Notice, Waiting};

/// An answer to those who wait for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Join(Asker<JoinReply>, JoinReply),
    Sync(Asker<SyncReply>, SyncReply),
}

impl runtime::Reply for Reply {
    fn take(self, waiting: &mut Waiting) -> Option<Notice> {
        match self {
            Reply::Join(asker, reply) => waiting.close(asker, reply),
            Reply::Sync(asker, reply) => waiting.close(asker, reply),
        }
    }
}

/// The reason why a group refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the group has no such member")]
    UnknownMember,
    #[error("another member has taken the instance id")]
    FencedInstance,
    #[error("the generation is not the group's")]
    IllegalGeneration,
    #[error("the group has no protocol in common with it")]
    InconsistentProtocol,
    #[error("a new generation is being formed")]
    RebalanceInProgress,
    #[error("join again with the member id given")]
    MemberIdRequired,
    #[error("the group has as many members as it may have")]
    GroupFull,
    #[error("the group is too large to be stored")]
    TooLarge,
}

/// The answer to a JoinGroup: a refusal, or the generation that the member is now in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinReply {
    pub refusal: Option<Refusal>,
    pub generation: i32,
    pub protocol_type: Option<Arc<str>>,
    pub protocol_name: Option<Arc<str>>,
    pub leader: Arc<str>,
    /// Tells a leader that the group goes on with the assignment it has (KIP-814).
    pub skip_assignment: bool,
    pub member_id: Arc<str>,
    /// All members, for the leader only.
    pub members: Vec<JoinedMember>,
}

/// A member as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    pub id: Arc<str>,
    pub instance: Option<Arc<str>>,
    pub metadata: Bytes,
}

impl JoinReply {
    pub fn refused(member_id: &Arc<str>, refusal: Refusal) -> JoinReply {
        JoinReply {
            refusal: Some(refusal),
            generation: -1,
            protocol_type: None,
            protocol_name: None,
            leader: "".into(),
            skip_assignment: false,
            member_id: Arc::clone(member_id),
            members: Vec::new(),
        }
    }
}

/// The answer to a SyncGroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncReply {
    pub refusal: Option<Refusal>,
    pub protocol_type: Option<Arc<str>>,
    pub protocol_name: Option<Arc<str>>,
    pub assignment: Bytes,
}

impl From<Refusal> for SyncReply {
    fn from(refusal: Refusal) -> SyncReply {
        SyncReply { refusal: Some(refusal), ..SyncReply::default() }
    }
}
