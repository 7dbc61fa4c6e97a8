//! The wish to stop, spread from the top down.

use tokio_util::sync::CancellationToken;

/// Says that a component, and everything below it, should finish. Cheap to clone; clones are one signal.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// A signal that follows this one but can also be given alone.
    pub fn child(&self) -> Shutdown {
        Shutdown(self.0.child_token())
    }

    /// Gives the signal. Doing so again changes nothing.
    pub fn request(&self) {
        self.0.cancel();
    }

    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Returns once the signal is given.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }
}
