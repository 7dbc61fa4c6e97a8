//! The injected world: clock, randomness, tasks, shutdown, and the metrics registry; and texts that stay secret.
//! It knows nothing of Kafka, storage or sockets.
//! Entry point: [`Runtime`], cloned into whatever needs time, chance or a task.
//! Invariant: nothing outside this folder reads a clock, draws a random number or starts a task.

pub mod clock;
mod complaints;
mod flaws;
pub mod memory;
pub mod rng;
mod secret;
pub mod shutdown;
pub mod strangers;
pub mod tasks;
pub mod transfers;

pub use clock::Clock;
pub use complaints::Complaints;
pub use flaws::Flaws;
pub use rng::Rng;
pub use secret::Secret;
pub use shutdown::Shutdown;
pub use tasks::{TaskKind, Tasks};

/// Everything a component needs of the outside world but storage and sockets. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub clock: Clock,
    pub rng: Rng,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
    pub metrics: prometheus::Registry,
    pub flaws: Flaws,
}

impl Runtime {
    /// The real world: the system clock and randomness from the operating system.
    pub fn system() -> Runtime {
        Runtime::new(Clock::system(), Rng::system())
    }

    /// A world that repeats: tokio's clock (paused by the test) and a seeded generator.
    pub fn simulated(seed: u64) -> Runtime {
        Runtime::new(Clock::simulated(1_700_000_000_000), Rng::seeded(seed))
    }

    fn new(clock: Clock, rng: Rng) -> Runtime {
        let shutdown = Shutdown::new();
        Runtime {
            clock,
            rng,
            tasks: Tasks::new(shutdown.clone()),
            shutdown,
            metrics: prometheus::Registry::new(),
            flaws: Flaws::default(),
        }
    }
}
