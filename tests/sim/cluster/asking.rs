//! A client's connection to a broker: frames on a stream of bytes, and the code that serves connections of real clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafkaesque::protocol::codec::{Message as _, Request};
use kafkaesque::protocol::header;
use kafkaesque::runtime::TaskKind;
use kafkaesque::types::BrokerId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf};
use tokio::sync::oneshot;

use super::host::{Condition, Host};
use super::process::Process;
use super::streams;

/// The listener that clients come to.
pub const LISTENER: &str = "PLAINTEXT";
/// The place of all clients in the network: nobody cuts their lines.
const CLIENT: BrokerId = BrokerId(-1);

impl Process {
    /// Sends requests, one after the other, over a connection of their own: the answers come in their order. None for those that
    /// nobody will answer.
    pub async fn ask_all<R: Request>(
        &self,
        requests: Vec<R>,
        version: i16,
        patience: Duration,
    ) -> Vec<Option<R::Response>>
    where
        R::Response: Send + 'static,
    {
        let frames: Vec<Bytes> = requests.iter().map(|request| frame(request, version)).collect();
        let (senders, answers): (Vec<_>, Vec<_>) = frames.iter().map(|_| oneshot::channel()).unzip();
        let process = self.clone();
        self.runtime.tasks.spawn(TaskKind::Connection, async move { process.connect(frames, senders).await });
        let deadline = self.runtime.clock.instant() + patience;
        let mut heard = Vec::new();
        for answer in answers {
            let answer = self.runtime.clock.timeout_at(deadline, answer).await;
            heard.push(answer.ok().and_then(Result::ok).map(|frame| decode::<R>(&frame, version)));
        }
        heard
    }

    /// A connection from its beginning to the last answer.
    async fn connect(&self, frames: Vec<Bytes>, answers: Vec<oneshot::Sender<Bytes>>) {
        let client = Host { id: CLIENT, condition: Condition::new() };
        let broker = Host { id: self.id, condition: self.condition.clone() };
        let (client, broker) = streams::join(&self.network, &client, &broker);
        let server = Arc::clone(&self.server);
        self.runtime.tasks.spawn(TaskKind::Connection, async move {
            let address: SocketAddr = ([127, 0, 0, 1], 9092).into();
            server.serve_stream(broker, address, LISTENER.into()).await;
        });
        let (mut reader, mut writer) = tokio::io::split(client);
        let sending = async {
            for frame in &frames {
                // A connection that has ended gives no answers either.
                let _ = writer.write_all(frame).await;
            }
        };
        let hearing = async {
            for answer in answers {
                let Ok(frame) = next_frame(&mut reader).await else { return };
                // The client may have given up.
                let _ = answer.send(frame);
            }
        };
        futures::join!(sending, hearing);
    }
}

async fn next_frame(reader: &mut ReadHalf<DuplexStream>) -> std::io::Result<Bytes> {
    let length = reader.read_i32().await?;
    let mut frame = vec![0; usize::try_from(length).expect("a length")];
    reader.read_exact(&mut frame).await?;
    Ok(frame.into())
}

/// A request with its length.
fn frame<R: Request>(request: &R, version: i16) -> Bytes {
    let pieces = header::request_frame(request, version, 1, Some("sim")).expect("a request");
    Bytes::from(pieces.concat())
}

fn decode<R: Request>(frame: &Bytes, version: i16) -> R::Response {
    let (_, body) = header::decode_response_header(frame, R::KEY, version).expect("a response header");
    R::Response::decode(&body, version).expect("a response")
}
