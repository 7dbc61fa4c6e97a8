//! Chance: from the operating system, or from a seed that replays.

use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use uuid::Uuid;

/// A shared random number generator. Cheap to clone; clones draw from the same sequence.
#[derive(Clone, Debug)]
pub struct Rng(Arc<Mutex<StdRng>>);

impl Rng {
    /// Seeded by the operating system.
    pub fn system() -> Rng {
        Rng(Arc::new(Mutex::new(StdRng::from_os_rng())))
    }

    /// The same seed gives the same sequence.
    pub fn seeded(seed: u64) -> Rng {
        Rng(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A uniformly random number.
    pub fn u64(&self) -> u64 {
        self.0.lock().next_u64()
    }

    /// A uniformly random number below `bound`; 0 if `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.lock().random_range(0..bound) }
    }

    /// 128 random bits, for telling one's own things from others'.
    pub fn u128(&self) -> u128 {
        let mut rng = self.0.lock();
        u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())
    }

    /// Bytes that nobody can foretell, unless the generator is seeded.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().fill_bytes(&mut bytes);
        bytes
    }

    /// A random (version 4) UUID whose text does not start with a dash in Kafka's base64 form, as Kafka's own ids.
    pub fn uuid(&self) -> Uuid {
        loop {
            let mut bytes = [0u8; 16];
            self.0.lock().fill_bytes(&mut bytes);
            // The first six bits 62 are '-' in URL-safe base64: a command line would take the id for an option.
            if bytes[0] >> 2 != 62 {
                return uuid::Builder::from_random_bytes(bytes).into_uuid();
            }
        }
    }
}
