//! The end of a connection whose client still has answers to take.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt as _};

use super::Connection;
use crate::net::frame::FrameReader;
use crate::net::service::Service;
use crate::net::write::Outlet;

/// The time that a client has to take the last answers after we said that there will be no more.
const LINGER: Duration = Duration::from_secs(1);

impl<S: Service> Connection<'_, S> {
    /// Closing with bytes unread resets the connection, and the client may lose answers that it has not read.
    pub(super) async fn linger<R, W>(&self, reader: &mut FrameReader<R>, writer: &mut W)
    where
        R: AsyncRead + Unpin + Send,
        W: Outlet,
    {
        // A stranger has sent little that was answered.
        let most = match self.is_strange.load(Ordering::Relaxed) {
            true => self.shared.limits.strangers.max_frame_bytes as u64,
            false => u64::MAX,
        };
        let linger = async {
            if writer.shutdown().await.is_ok() {
                reader.discard(most).await;
            }
        };
        tokio::select! {
            _ = self.shared.clock.timeout(LINGER, linger) => {}
            () = self.shared.kill.requested() => {}
        }
    }
}
