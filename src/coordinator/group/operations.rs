//! Operations of operators on groups: list them, describe them, delete them.

use std::marker::PhantomData;
use std::sync::Arc;

use super::machines::Group;
use super::members::{DeleteRefusal, Members};
use super::offsets::HasMembers;
use super::timer::Timer;
use super::world::World;
use crate::coordinator::runtime::{Asker, Decided, Decision, Holds, Machine, Question};
use crate::log::keys::CommittedOffset;
use crate::types::Partition;

/// A group as it is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    pub id: Arc<str>,
    /// As Kafka names it.
    pub state: &'static str,
    pub members: usize,
    /// Records behind its committed offsets; `None` while the end of one of those partitions is not known.
    pub lag: Option<i64>,
}

impl Watched {
    /// A group, if it exists.
    pub fn of(
        id: &Arc<str>,
        group: &Group,
        end_of: impl Fn(Partition) -> Option<Option<i64>>,
    ) -> Option<Watched> {
        let members = group.members()?;
        let behind = |(partition, committed): (Partition, &CommittedOffset)| {
            end_of(partition).map(|end| end.map(|end| (end - committed.offset).max(0)))
        };
        let lag = group.offsets().iter().filter_map(behind).sum();
        Some(Watched { id: Arc::clone(id), state: members.state(), members: members.count(), lag })
    }
}

/// Asks for a group as it is listed.
pub struct List;

/// A group as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: Arc<str>,
    /// Its protocol, as Kafka names it.
    pub kind: &'static str,
    /// As Kafka names it.
    pub state: &'static str,
    pub protocol_type: String,
}

impl Question<Group> for List {
    type Reply = Option<Listed>;

    fn decide(self, group: &Group, _: Asker<Self::Reply>, world: &World) -> Decided<Group, Self> {
        let listed = group.members().map(|members| Listed {
            id: Arc::clone(&world.id),
            kind: members.kind(),
            state: members.state(),
            protocol_type: members.protocol_type().to_owned(),
        });
        Decision::unchanged(Some(listed))
    }
}

/// Asks for a group with its members, which should be in the machine `M`.
pub struct Describe<M>(PhantomData<M>);

/// A group as somebody sees it who looks at it.
pub enum Described<M> {
    /// There is no such group.
    Nothing,
    /// Its members are of another kind.
    Other,
    Members(Box<M>),
}

impl<M> Default for Describe<M> {
    fn default() -> Describe<M> {
        Describe(PhantomData)
    }
}

/// A group that only keeps offsets is an empty one of its kind.
impl<M: Machine<World = World, Timer = Timer> + Members> Question<Group> for Describe<M>
where
    Group: Holds<M>,
{
    type Reply = Described<M>;

    fn decide(self, group: &Group, _: Asker<Self::Reply>, _: &World) -> Decided<Group, Self> {
        let part: Option<&M> = group.part();
        let described = match (part, group.members()) {
            (Some(part), _) => Described::Members(Box::new(part.clone())),
            (None, None) => Described::Nothing,
            (None, Some(members)) => {
                let empty = M::default();
                match members.count() == 0 && members.kind() == empty.kind() {
                    true => Described::Members(Box::new(empty)),
                    false => Described::Other,
                }
            }
        };
        Decision::unchanged(Some(described))
    }
}

/// Deletes a group without members, and its offsets.
pub struct Delete;

impl Question<Group> for Delete {
    type Reply = Result<(), DeleteRefusal>;

    fn decide(self, group: &Group, _: Asker<Self::Reply>, _: &World) -> Decided<Group, Self> {
        match group.members().map(Members::check_delete) {
            None => Decision::unchanged(Some(Err(DeleteRefusal::NoGroup))),
            Some(Err(refusal)) => Decision::unchanged(Some(Err(refusal))),
            Some(Ok(())) => group.forget().map(|()| Some(Ok(()))),
        }
    }
}
