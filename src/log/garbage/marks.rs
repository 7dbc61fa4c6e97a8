//! A set of segment ids, a bit each where they are dense.

use std::collections::HashMap;

const BITS: u64 = 4_096;

#[derive(Clone, Debug, Default)]
pub struct Marks(HashMap<u64, Box<[u64; (BITS / 64) as usize]>>);

impl Marks {
    pub fn insert(&mut self, id: u64) {
        let chunk = self.0.entry(id / BITS).or_insert_with(|| Box::new([0; (BITS / 64) as usize]));
        let bit = id % BITS;
        chunk[(bit / 64) as usize] |= 1 << (bit % 64);
    }

    pub fn contains(&self, id: u64) -> bool {
        let bit = id % BITS;
        self.0.get(&(id / BITS)).is_some_and(|chunk| chunk[(bit / 64) as usize] & (1 << (bit % 64)) != 0)
    }
}
