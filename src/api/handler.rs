//! Handlers: the versions that they serve, their place among the requests of a connection, and the way of an answer.

use std::future::Future;
use std::ops::RangeInclusive;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::context::Context;
use super::errors::Failure;
use crate::net::{Admission, Answer, CloseReason};
use crate::protocol::codec::{DecodeError, Decoder, EncodeError, Message as _, Request, error_codes};
use crate::protocol::{ApiKey, header};
use crate::runtime::memory::Share;

/// The versions of an API, from the lowest to the highest.
pub type Versions = RangeInclusive<i16>;

/// One Kafka API.
///
/// Calling [`Handler::handle`] admits the request: what must happen in the order of arrival happens before it returns
/// its future. Awaiting the future finishes the request.
pub trait Handler: 'static {
    type Request: Request + Send;

    /// The versions served, and announced where [`Handler::ANNOUNCED`] says nothing else.
    const VERSIONS: Versions;

    /// The versions announced.
    const ANNOUNCED: Versions = Self::VERSIONS;

    /// The place of this API's requests behind others of their connection.
    const ADMISSION: Admission = Admission::Alone;

    fn handle(
        context: Context,
        request: Self::Request,
    ) -> impl Future<Output: Into<Reply<<Self::Request as Request>::Response>>> + Send + 'static;

    /// The same for an API whose admission takes its time: nothing else of the connection is admitted before it is done.
    fn admit(
        context: Context,
        request: Self::Request,
    ) -> impl Future<
        Output = impl Future<Output: Into<Reply<<Self::Request as Request>::Response>>> + Send + 'static,
    > + Send
    + 'static {
        std::future::ready(Self::handle(context, request))
    }

    /// The answer, in version 0, to a version that is not served, where Kafka has one.
    fn refuse_version() -> Option<<Self::Request as Request>::Response> {
        None
    }
}

/// The outcome of a request.
pub enum Reply<R> {
    /// The response is sent.
    Send(R),
    /// The response is sent, and has this memory until the client has taken it.
    SendLarge(R, Share),
    /// The response is sent, then the connection closes: requests behind it must not be taken.
    SendAndClose(R),
    /// No frame is sent, as the client asked.
    Silent,
    /// The connection closes without a frame.
    Close,
}

impl<R> From<R> for Reply<R> {
    fn from(response: R) -> Self {
        Reply::Send(response)
    }
}

impl<R: From<Failure>> From<Result<R, Failure>> for Reply<R> {
    fn from(outcome: Result<R, Failure>) -> Self {
        Reply::Send(outcome.unwrap_or_else(R::from))
    }
}

/// A finished request: the answer, and the error codes in it.
pub(super) struct Finished {
    pub answer: Answer,
    pub errors: Vec<i16>,
}

/// An admitted request on its way to its answer.
pub(super) type Finishing = BoxFuture<'static, Result<Finished, EncodeError>>;

/// A request that was read and gets its place.
pub(super) struct Admitted {
    /// Resolves once it has its place.
    pub finishing: BoxFuture<'static, Finishing>,
    /// Memory of the request's values, if it is not a part of the frame.
    pub bytes: usize,
}

/// One row of the table of APIs.
pub(super) struct Entry {
    pub key: ApiKey,
    pub versions: Versions,
    pub announced: Versions,
    pub admission: Admission,
    pub admit: fn(Context, &Bytes) -> Result<Admitted, DecodeError>,
    /// The frame that answers a version which is not served, by its correlation id, where there is one.
    pub refuse_version: fn(i32) -> Option<Vec<Bytes>>,
}

impl Entry {
    pub const fn of<H: Handler>() -> Entry {
        Entry {
            key: H::Request::KEY,
            versions: H::VERSIONS,
            announced: H::ANNOUNCED,
            admission: H::ADMISSION,
            admit: admit::<H>,
            refuse_version: refuse_version::<H>,
        }
    }
}

fn admit<H: Handler>(context: Context, body: &Bytes) -> Result<Admitted, DecodeError> {
    let version = context.version;
    let correlation_id = context.correlation_id;
    // Bytes behind the last field are ignored: clients that are in use send some.
    let mut decoder = Decoder::new(body, version, H::Request::MESSAGE);
    let request = decoder.message()?;
    let bytes = decoder.charged();
    let finishing = H::admit(context, request).map(move |finishing| {
        let finishing: Finishing =
            Box::pin(async move { frame::<H>(finishing.await.into(), version, correlation_id) });
        finishing
    });
    Ok(Admitted { finishing: Box::pin(finishing), bytes })
}

fn frame<H: Handler>(
    reply: Reply<<H::Request as Request>::Response>,
    version: i16,
    correlation_id: i32,
) -> Result<Finished, EncodeError> {
    let without_frame = |answer| Ok(Finished { answer, errors: Vec::new() });
    let (response, close, share) = match reply {
        Reply::Send(response) => (response, None, None),
        Reply::SendLarge(response, share) => (response, None, Some(share)),
        Reply::SendAndClose(response) => (response, Some(CloseReason::OutcomeUnknown), None),
        Reply::Silent => return without_frame(Answer::nothing()),
        Reply::Close => return without_frame(Answer::nothing().closing(CloseReason::NoAnswer)),
    };
    let mut errors = Vec::new();
    error_codes(&response, version, |code| errors.push(code));
    let chunks = header::response_frame::<H::Request>(&response, version, correlation_id)?;
    Ok(Finished { answer: Answer { close, share, ..Answer::frame(chunks) }, errors })
}

fn refuse_version<H: Handler>(correlation_id: i32) -> Option<Vec<Bytes>> {
    let response = H::refuse_version()?;
    header::response_frame::<H::Request>(&response, 0, correlation_id).ok()
}
