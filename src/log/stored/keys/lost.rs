//! Offsets of a partition that were lost, and given up.

use super::row::*;

row! {
    /// A run of offsets without records, which an operator accepted as lost when the shard was repaired: readers pass over
    /// it, where they would refuse any other hole. A seek to an offset lands on its run.
    #[derive(Copy)]
    pub struct Lost = Tag::Lost, "lost offsets", versions 1..=1;
    of { partition: Partition }
    key { last: i64 as Seek }
    value { first: i64 as Offset }
    where first <= last;
}
