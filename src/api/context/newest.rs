//! The image as of now: what any broker of the cluster has acknowledged, and not only what has come here.

use std::sync::Arc;
use std::time::Duration;

use super::{Broker, Context};
use crate::api::errors::Failure;
use crate::metadata::Image;

/// The time between two questions for the sake of whoever names what may not exist.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The longest that such a question takes.
const LOOK_LIMIT: Duration = Duration::from_millis(500);

impl Context {
    /// The image with all that was acknowledged anywhere before the call: for requests that change what they name. Asks the
    /// leader, once for all who wait.
    pub async fn newest(&self) -> Result<Arc<Image>, Failure> {
        self.broker.newest().await
    }

    /// The same, or what is known here while the leader cannot be asked.
    pub async fn newest_known(&self) -> Arc<Image> {
        self.newest().await.unwrap_or_else(|_| self.image())
    }

    /// A newer image, for a request that names what is not known here and need not be: perhaps it has just been made at
    /// another broker. Strangers cannot have the leader asked more often than [`LOOK_INTERVAL`] allows: then there is none.
    pub async fn look_again(&self) -> Option<Arc<Image>> {
        let broker = &self.broker;
        if broker.is_alone() {
            return None;
        }
        let clock = &broker.runtime.clock;
        let now = clock.instant();
        {
            let mut looked = broker.looked.lock();
            if looked.is_some_and(|at| now.duration_since(at) < LOOK_INTERVAL) {
                return None;
            }
            *looked = Some(now);
        }
        clock.timeout(LOOK_LIMIT, broker.newest()).await.ok()?.ok()
    }
}

impl Broker {
    async fn newest(&self) -> Result<Arc<Image>, Failure> {
        // Nobody else acknowledges anything, and nothing is before it is seen here.
        if !self.is_alone() {
            let image = self.metadata().sync().await?;
            self.shards.caught_up(image.index).await;
        }
        Ok(self.shards.image())
    }

    /// True if the metadata is agreed on by this broker alone.
    fn is_alone(&self) -> bool {
        self.metadata().is_alone()
    }
}
