//! The called side of a connection: from a stranger to a peer whose calls are answered.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

use super::Answers;
use super::handshake::{self, HandshakeError, Proven};
use super::hello::Refusal;
use super::limits::{MAX_MESSAGE_BYTES, PING_INTERVAL, PING_LIMIT, PROOF_LIMIT, Share};
use super::link::CALL_PATH;
use super::shared::Shared;
use super::wire::{ByteStream, ReadError, Spawner, Time, read};
use crate::runtime::strangers::Stranger;
use crate::runtime::{Complaints, Shutdown};

/// Headers of a call are few and short.
const MAX_HEADER_BYTES: u32 = 4096;

/// Refusals that the log tells of, each once a minute.
pub(super) type Complained = Complaints<std::mem::Discriminant<Refusal>>;

/// Serves a connection to its end. It costs no more than its handshake until it has proven itself.
pub(super) async fn run<S>(shared: Arc<Shared>, stream: S, stranger: Stranger<(), Shutdown>, from: String)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let proving = shared.runtime.clock.timeout(PROOF_LIMIT, prove(&shared, stream));
    let proven = tokio::select! {
        () = shared.stop.requested() => return,
        () = stranger.end.requested() => return,
        proven = proving => proven,
    };
    let (stream, proven) = match proven {
        Ok(Ok(proven)) => proven,
        Ok(Err(error)) => return complain(&shared, &error, &from),
        Err(_) => {
            shared.metrics.late();
            return tracing::debug!(from, "closed a connection that proved nothing in time");
        }
    };
    drop(stranger);
    serve(&shared, stream, proven).await;
}

async fn prove<S>(shared: &Shared, stream: S) -> Result<(Box<dyn ByteStream>, Proven), HandshakeError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut stream, binding) = shared.settings.tls.be_called(stream).await?;
    let me = shared.me().ok_or(HandshakeError::Garbled)?;
    let secret = &shared.settings.secret;
    let proven = handshake::be_called(&mut stream, &binding, me, secret, &shared.known).await?;
    Ok((stream, proven))
}

fn complain(shared: &Shared, error: &HandshakeError, from: &str) {
    tracing::debug!(from, %error, "a connection did not become one between brokers");
    shared.metrics.refused(error);
    let HandshakeError::Refuses(refusal) = error else { return };
    let now = shared.runtime.clock.instant();
    if let Some(left_out) = shared.refused.due(std::mem::discriminant(refusal), now) {
        tracing::warn!(from, %refusal, left_out, "refused a connection to the port for brokers; it was told");
    }
}

async fn serve(shared: &Arc<Shared>, stream: Box<dyn ByteStream>, proven: Proven) {
    let Some(member) = shared.member.get() else { return };
    let Proven { broker: caller, incarnation, service, version } = proven;
    let end = shared.known.connect(caller, incarnation, service);
    tracing::debug!(%caller, ?service, incarnation, version, "a broker is connected");
    let Share { calls, bytes } = service.share();
    let unanswered = Arc::new(Semaphore::new(bytes as usize));
    let answering = service_fn(move |request| {
        let (answers, unanswered) = (Arc::clone(&member.answers), Arc::clone(&unanswered));
        async move { Ok::<_, Infallible>(answer(&*answers, proven, request, &unanswered).await) }
    });
    let connection = Builder::new(Spawner(shared.runtime.clone()))
        .timer(Time(shared.runtime.clock.clone()))
        .max_concurrent_streams(calls)
        // A peer may end all that it has asked, over and over.
        .max_pending_accept_reset_streams(Some(8 * calls as usize))
        .initial_stream_window_size(bytes)
        .initial_connection_window_size(bytes)
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_LIMIT)
        .serve_connection(TokioIo::new(stream), answering);
    tokio::select! {
        () = shared.stop.requested() => {}
        () = end.requested() => {}
        ended = connection => tracing::debug!(%caller, ?service, ?ended, "the connection of a broker ended"),
    }
}

/// Answers one call. Dropped when the caller waits no more.
async fn answer(
    answers: &dyn Answers,
    proven: Proven,
    request: Request<Incoming>,
    unanswered: &Semaphore,
) -> Response<Full<Bytes>> {
    if request.uri().path() != CALL_PATH {
        return refusal(StatusCode::NOT_FOUND);
    }
    if request.method() != Method::POST {
        return refusal(StatusCode::METHOD_NOT_ALLOWED);
    }
    let most = proven.service.max_request_bytes();
    let Some(len) = request.body().size_hint().exact() else {
        return refusal(StatusCode::LENGTH_REQUIRED);
    };
    let Some(weight) = u32::try_from(len).ok().filter(|len| *len as usize <= most) else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let Ok(_charge) = unanswered.acquire_many(weight).await else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE);
    };
    let request = match read(request.into_body()).await {
        Ok(request) => request,
        Err(ReadError::TooLarge) => return refusal(StatusCode::PAYLOAD_TOO_LARGE),
        Err(ReadError::Broken(_)) => return refusal(StatusCode::BAD_REQUEST),
    };
    let answer = answers.answer(proven.broker, proven.service, request).await;
    if answer.len() > MAX_MESSAGE_BYTES {
        let len = answer.len();
        let service = proven.service;
        tracing::warn!(caller = %proven.broker, ?service, len, "an answer is too large to send");
        return refusal(StatusCode::INTERNAL_SERVER_ERROR);
    }
    Response::new(Full::new(answer))
}

fn refusal(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
