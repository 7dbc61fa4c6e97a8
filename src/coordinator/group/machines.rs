//! The machines of groups: a group is a machine for its members, one of several, and the machine of its offsets.

use bytes::Bytes;

use super::members::{Members, Nobody};
use super::offsets::{HasMembers, Offsets};
use super::timer::Timer;
use super::world::World;
use super::{classic, consumer, offsets};
use crate::coordinator::runtime::{Decision, Holds, LoadError, Machine};
use crate::log::keys::Tag;

/// A group: its members, and the offsets that it has committed.
#[derive(Clone, Debug, Default)]
pub struct Group {
    membership: Membership,
    offsets: Offsets,
}

/// Makes a group of the machines that its members may be in.
macro_rules! machines {
    ($($name:ident => $machine:ty),+ $(,)?) => {
        /// The members of a group, by the machine that decides on them.
        #[derive(Clone, Debug, Default)]
        enum Membership {
            /// The group only keeps offsets.
            #[default]
            Nobody,
            $($name($machine),)+
        }

        /// A part of a group as it is stored.
        pub enum Row {
            $($name(<$machine as Machine>::Row),)+
            Offset(offsets::Row),
        }

        impl Membership {
            fn members(&self) -> &dyn Members {
                match self {
                    Membership::Nobody => &Nobody,
                    $(Membership::$name(part) => part,)+
                }
            }

            fn forget(&self) -> Decision<Group> {
                match self {
                    Membership::Nobody => Decision::unchanged(()),
                    $(Membership::$name(part) => {
                        let Decision { rows, timers, .. } = part.forget();
                        let rows = rows.into_iter().map(Row::$name).collect();
                        Decision { rows, timers, ..Decision::unchanged(()) }
                    })+
                }
            }
        }

        impl Machine for Group {
            type Row = Row;
            type Timer = Timer;
            type Reply = classic::Reply;
            type World = World;
            type Heir = Group;

            fn apply(&mut self, row: &Row) {
                match row {
                    $(Row::$name(row) => {
                        if Holds::<$machine>::part(self).is_none() {
                            self.membership = Membership::$name(Default::default());
                        }
                        if let Membership::$name(part) = &mut self.membership {
                            part.apply(row);
                        }
                    })+
                    Row::Offset(row) => self.offsets.apply(row),
                }
            }

            fn exists(&self) -> bool {
                !matches!(self.membership, Membership::Nobody) || self.offsets.exists()
            }

            fn begin(&self, world: &World) -> Decision<Group> {
                match &self.membership {
                    Membership::Nobody => Decision::unchanged(()),
                    $(Membership::$name(part) => part.begin(world).within(self),)+
                }
            }

            fn expire(&self, timer: &Timer, world: &World) -> Decision<Group> {
                match &self.membership {
                    Membership::Nobody => Decision::unchanged(()),
                    $(Membership::$name(part) => part.expire(timer, world).within(self),)+
                }
            }

            fn full_time_ms(&self, timer: &Timer, world: &World) -> i32 {
                match &self.membership {
                    Membership::Nobody => 0,
                    $(Membership::$name(part) => part.full_time_ms(timer, world),)+
                }
            }

            fn forget(&self) -> Decision<Group> {
                let mut gone = self.membership.forget();
                gone.rows.extend(self.offsets.forget().rows.into_iter().map(Row::Offset));
                Decision { next: Some(Group::default()), ..gone }
            }
        }

        impl crate::coordinator::runtime::Row for Row {
            const TAGS: &'static [Tag] =
                &[$(<$machine as Machine>::Row::TAGS[0],)+ offsets::Row::TAGS[0]];

            fn key(&self, id: &str) -> Bytes {
                match self {
                    $(Row::$name(row) => row.key(id),)+
                    Row::Offset(row) => row.key(id),
                }
            }

            fn value(&self) -> Option<Bytes> {
                match self {
                    $(Row::$name(row) => row.value(),)+
                    Row::Offset(row) => row.value(),
                }
            }

            fn decode(tag: Tag, key: &[u8], value: Bytes) -> Result<(String, Row), LoadError> {
                $(if <$machine as Machine>::Row::TAGS.contains(&tag) {
                    let (id, row) = <$machine as Machine>::Row::decode(tag, key, value)?;
                    return Ok((id, Row::$name(row)));
                })+
                let (id, row) = offsets::Row::decode(tag, key, value)?;
                Ok((id, Row::Offset(row)))
            }
        }

        $(impl Holds<$machine> for Group {
            fn part(&self) -> Option<&$machine> {
                match &self.membership {
                    Membership::$name(part) => Some(part),
                    _ => None,
                }
            }

            fn put(&mut self, part: $machine) -> Decision<Group> {
                let displaced = match Holds::<$machine>::part(self) {
                    Some(_) => Decision::unchanged(()),
                    None => self.membership.forget(),
                };
                self.membership = Membership::$name(part);
                displaced
            }

            fn row(row: <$machine as Machine>::Row) -> Row {
                Row::$name(row)
            }

            fn reply(reply: <$machine as Machine>::Reply) -> classic::Reply {
                reply
            }
        })+
    };
}

// The table of the machines.
machines! {
    Classic => classic::Group,
    Consumer => consumer::Group,
}

impl Group {
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }
}

impl Holds<Offsets> for Group {
    fn part(&self) -> Option<&Offsets> {
        Some(&self.offsets)
    }

    fn put(&mut self, part: Offsets) -> Decision<Group> {
        self.offsets = part;
        Decision::unchanged(())
    }

    fn row(row: offsets::Row) -> Row {
        Row::Offset(row)
    }

    fn reply(reply: <Offsets as Machine>::Reply) -> classic::Reply {
        match reply {}
    }
}

impl HasMembers for Group {
    fn members(&self) -> Option<&dyn Members> {
        self.exists().then(|| self.membership.members())
    }
}
