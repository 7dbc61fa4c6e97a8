//! Work on each thing that a request names.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::StreamExt as _;
use futures::stream::FuturesOrdered;

/// A future is a few kilobytes: those of a request that names 100,000 partitions would take more than all else it asks for.
const AT_ONCE: usize = 256;

/// Does all the work, some of it at a time; what comes of it is in the order of the work.
pub fn join_all<I, F>(work: I) -> JoinAll<I::IntoIter, F>
where
    I: IntoIterator<Item = F>,
    F: Future,
{
    JoinAll { work: work.into_iter(), running: FuturesOrdered::new(), done: Vec::new() }
}

/// An `async fn` would do, if the compiler could tell that one which holds closures may be sent.
pub struct JoinAll<I, F: Future> {
    work: I,
    running: FuturesOrdered<F>,
    done: Vec<F::Output>,
}

impl<I: Unpin, F: Future> Unpin for JoinAll<I, F> {}

impl<I, F> Future for JoinAll<I, F>
where
    I: Iterator<Item = F> + Unpin,
    F: Future,
{
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<F::Output>> {
        let this = &mut *self;
        loop {
            let room = AT_ONCE - this.running.len();
            this.running.extend(this.work.by_ref().take(room));
            match ready!(this.running.poll_next_unpin(cx)) {
                Some(outcome) => this.done.push(outcome),
                None => return Poll::Ready(std::mem::take(&mut this.done)),
            }
        }
    }
}
