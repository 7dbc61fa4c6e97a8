//! The service behind the connections: it admits frames and promises answers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Peer, budget};
use crate::runtime::memory::Share;

/// The broker's API, or an echo in tests.
pub trait Service: Send + Sync + 'static {
    /// The state of a connection: client id, principal, quota.
    type Connection: Send + 'static;

    /// A client has connected. `closer` may be kept to end the connection from elsewhere.
    fn connected(&self, peer: &Peer, closer: Closer) -> Self::Connection;

    /// True until the client has shown who it is, on a listener where it has to. Asked when it has connected, and after
    /// each answer until it is false. So long, requests come one at a time, and small, and the time for them is short.
    fn is_stranger(&self, _connection: &Self::Connection) -> bool {
        false
    }

    /// When the frame may be admitted. A cheap look at its first bytes; what it cannot read is [`Admission::Alone`].
    fn classify(&self, connection: &Self::Connection, frame: &Bytes) -> Admission;

    /// Takes a request: parses, authorises and validates it, gives it its place in the queues, and returns. What remains
    /// to be waited for goes into the promise. It is called for one frame of a connection at a time, in order of arrival.
    /// If the connection ends meanwhile, the future is dropped.
    fn admit(&self, connection: &mut Self::Connection, frame: Frame) -> impl Future<Output = Promise> + Send;
}

/// When a request may be admitted, seen from the unanswered ones before it on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// While earlier `Pipelined` and `AfterAnswers` requests are unanswered: Produce and the offset commits.
    Pipelined,
    /// Once all earlier ones are answered; `Pipelined` ones may follow before its own answer: Fetch.
    AfterAnswers,
    /// Once all earlier ones are answered, and nothing is admitted before its own answer: everything else.
    Alone,
}

/// A request as it came, without its length.
#[derive(Debug)]
pub struct Frame {
    pub bytes: Bytes,
    /// Its share of the memory for requests. The connection holds it until the answer is there; whoever keeps the bytes
    /// for longer keeps a clone of it, and whoever is done with them sooner shrinks it.
    pub permit: Permit,
    /// Its client has more requests unanswered most of the time, so the next one is probably on its way.
    pub more_to_come: bool,
    /// Gone when the last slice of it is, if it has pages of its own.
    pub pages: Option<Weak<()>>,
}

impl Frame {
    /// The request in it was read. It may have long to wait yet, so the frame goes now, unless something in the request is a
    /// slice of it: then `kept` bytes are what it takes.
    pub fn is_read(self, kept: usize) {
        let Frame { bytes, permit, pages, .. } = self;
        let is_free = match pages {
            None => bytes.is_unique(),
            Some(pages) => {
                drop(bytes);
                pages.strong_count() == 0
            }
        };
        if is_free {
            permit.shrink(kept);
        }
    }
}

/// A share of the memory for requests, given back when the last clone is dropped.
#[derive(Clone)]
pub struct Permit(Arc<Mutex<budget::Share>>);

impl Permit {
    pub(super) fn new(share: budget::Share) -> Permit {
        Permit(Arc::new(Mutex::new(share)))
    }

    /// Gives back what is above `bytes`: the request takes no more than that from now on.
    pub fn shrink(&self, bytes: usize) {
        self.0.lock().shrink(bytes);
    }

    /// A share of nothing, for frames that did not come from a connection.
    pub fn none() -> Permit {
        Permit::new(budget::Share::default())
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// The promise of an answer. Dropped without being finished when the connection is gone: a waiting fetch ends then, and
/// what an appended batch needs must be in the shard's queue, not in here.
pub struct Promise(State);

enum State {
    Ready(Option<Answer>),
    Waiting(BoxFuture<'static, Answer>),
}

impl Promise {
    /// The answer is there.
    pub fn ready(answer: Answer) -> Promise {
        Promise(State::Ready(Some(answer)))
    }

    /// The answer comes from `future`, which is polled together with those of the other unanswered requests.
    pub fn waiting(future: impl Future<Output = Answer> + Send + 'static) -> Promise {
        Promise(State::Waiting(Box::pin(future)))
    }
}

impl Future for Promise {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        match &mut self.0 {
            State::Ready(answer) => Poll::Ready(answer.take().unwrap_or_default()),
            State::Waiting(future) => future.as_mut().poll(cx),
        }
    }
}

impl From<Answer> for Promise {
    fn from(answer: Answer) -> Promise {
        Promise::ready(answer)
    }
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Ready(_) => "Promise(ready)",
            State::Waiting(_) => "Promise(waiting)",
        })
    }
}

/// The answer to a request.
#[derive(Debug, Default)]
pub struct Answer {
    /// The frame to send in pieces, written as they are, one after the other; the length in front is added when it is
    /// sent. None sends nothing: a produce with acks=0.
    pub frame: Option<Vec<Bytes>>,
    /// Nothing more is admitted for this long after the answer is sent: throttling.
    pub mute: Duration,
    /// Nothing more is admitted, at once; what was admitted is answered, and the connection closes.
    pub close: Option<CloseReason>,
    /// Memory of the frame, until the client has taken it.
    pub share: Option<Share>,
}

impl Answer {
    /// Sends these pieces as one frame.
    pub fn frame(pieces: Vec<Bytes>) -> Answer {
        Answer { frame: Some(pieces), ..Answer::default() }
    }

    /// Sends nothing.
    pub fn nothing() -> Answer {
        Answer::default()
    }

    /// Closes the connection, after a frame or without one.
    pub fn closing(mut self, reason: CloseReason) -> Answer {
        self.close = Some(reason);
        self
    }

    /// Admits nothing for `mute` after it is sent.
    pub fn muting(mut self, mute: Duration) -> Answer {
        self.mute = mute;
        self
    }

    pub(super) fn bytes(&self) -> usize {
        self.frame.iter().flatten().map(Bytes::len).sum()
    }
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client closed it.
    Peer,
    /// Reading or writing failed.
    Broken,
    /// A length that is negative or too large, or bytes that are no request.
    Malformed,
    /// No request for too long.
    Idle,
    /// A request came in too slowly.
    SlowRequest,
    /// The client took its answer too slowly.
    SlowReader,
    /// The request failed and has no answer to say so: acks=0.
    NoAnswer,
    /// The outcome of an earlier request is unknown, so later ones must not be taken: the client must start again.
    OutcomeUnknown,
    /// The client did not authenticate, or its session ran out.
    Authentication,
    /// The TLS handshake failed, or took too long.
    Handshake,
    /// The broker stops.
    Shutdown,
    /// There are too many connections.
    TooMany,
}

/// Ends one connection from elsewhere. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Closer(Arc<Closing>);

#[derive(Debug, Default)]
struct Closing {
    reason: Mutex<Option<CloseReason>>,
    wake: Notify,
}

impl Closer {
    pub fn new() -> Closer {
        Closer::default()
    }

    /// Nothing more is admitted from now on; what was admitted is answered, then the connection closes. The first reason
    /// stays. An admission that is under way is not interrupted: who must know looks at [`Closer::reason`] last thing.
    pub fn close(&self, reason: CloseReason) {
        self.0.reason.lock().get_or_insert(reason);
        self.0.wake.notify_waiters();
    }

    /// Why the connection is closing, if it is.
    pub fn reason(&self) -> Option<CloseReason> {
        *self.0.reason.lock()
    }

    /// Waits until the connection is closing.
    pub async fn closed(&self) -> CloseReason {
        loop {
            let woken = self.0.wake.notified();
            if let Some(reason) = self.reason() {
                return reason;
            }
            woken.await;
        }
    }
}
