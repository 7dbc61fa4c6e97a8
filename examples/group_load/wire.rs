//! One connection, one request at a time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafkaesque::protocol::codec::{Message as _, Request};
use kafkaesque::protocol::header;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use broker_usage::Outcome;

/// Longer than any rebalance lasts.
const PATIENCE: Duration = Duration::from_secs(90);
const LONGEST: usize = 64 << 20;

pub struct Connection {
    stream: TcpStream,
    correlation_id: i32,
}

impl Connection {
    pub async fn open(address: &str) -> Outcome<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, correlation_id: 0 })
    }

    pub async fn ask<R: Request>(&mut self, request: &R, version: i16) -> Outcome<R::Response> {
        tokio::time::timeout(PATIENCE, self.exchange(request, version)).await?
    }

    async fn exchange<R: Request>(&mut self, request: &R, version: i16) -> Outcome<R::Response> {
        self.correlation_id += 1;
        let frame = header::request_frame(request, version, self.correlation_id, Some("group-load"))
            .map_err(|error| error.to_string())?;
        self.stream.write_all(&frame.concat()).await?;
        let frame = self.frame().await?;
        let (_, body) =
            header::decode_response_header(&frame, R::KEY, version).map_err(|error| error.to_string())?;
        R::Response::decode(&body, version).map_err(|error| error.to_string().into())
    }

    async fn frame(&mut self) -> Outcome<Bytes> {
        let length = usize::try_from(self.stream.read_i32().await?)?;
        if length > LONGEST {
            return Err(format!("an answer of {length} bytes").into());
        }
        let mut frame = BytesMut::zeroed(length);
        self.stream.read_exact(&mut frame).await?;
        Ok(frame.freeze())
    }
}
