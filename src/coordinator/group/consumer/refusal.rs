//! Refusals of consumer groups.

use std::sync::Arc;

use super::pattern::InvalidPattern;

/// The words are Kafka's, which clients log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("The group does not exist, or is not a consumer group.")]
    NoGroup,
    #[error("The classic group cannot become a consumer group: {0}.")]
    NotUpgraded(&'static str),
    #[error("Member {0} is not a member of the group.")]
    UnknownMember(Arc<str>),
    #[error("Instance id {0} is unknown.")]
    UnknownInstance(Arc<str>),
    #[error("The instance id is now that of member {0}.")]
    FencedInstance(Arc<str>),
    #[error("The instance id is owned by member {0}, which has not released it.")]
    UnreleasedInstance(Arc<str>),
    #[error(
        "The consumer group member has a {relation} member epoch ({received}) than the one known by the \
         group coordinator ({known}). The member must abandon all its partitions and rejoin."
    )]
    FencedEpoch { relation: &'static str, received: i32, known: i32 },
    #[error("The consumer group has reached its maximum capacity of {0} members.")]
    GroupFull(usize),
    #[error("The group is too large to be stored.")]
    TooLarge,
    #[error(transparent)]
    InvalidPattern(#[from] InvalidPattern),
}
