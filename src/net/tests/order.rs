use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::net::order::InFlight;
use crate::net::service::Permit;

/// Counts how often it is polled while it waits for its answer.
struct Counted {
    answer: oneshot::Receiver<Answer>,
    polls: Arc<AtomicUsize>,
}

impl Future for Counted {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.answer).poll(cx).map(Result::unwrap_or_default)
    }
}

#[test]
fn a_waiting_promise_is_polled_when_it_is_woken_and_not_for_each_request_behind_it() {
    const REQUESTS: usize = 100;
    let cx = &mut Context::from_waker(Waker::noop());
    let polls = Arc::new(AtomicUsize::new(0));
    let mut in_flight = InFlight::default();
    let mut senders = Vec::new();
    for _ in 0..REQUESTS {
        let (sender, answer) = oneshot::channel();
        let promise = Promise::waiting(Counted { answer, polls: Arc::clone(&polls) });
        in_flight.push(Admission::Pipelined, promise, 1, Permit::none());
        assert!(in_flight.poll_promises(cx).is_none());
        senders.push(sender);
    }
    assert_eq!(polls.load(Ordering::Relaxed), REQUESTS);
    let newest = senders.pop().unwrap();
    newest.send(text("newest")).unwrap();
    in_flight.poll_promises(cx);
    assert_eq!(polls.load(Ordering::Relaxed), REQUESTS + 1);
    assert!(in_flight.poll_answers(cx, usize::MAX).is_pending(), "older ones are not answered");
    for sender in senders {
        sender.send(text("older")).unwrap();
    }
    in_flight.poll_promises(cx);
    assert_eq!(polls.load(Ordering::Relaxed), 2 * REQUESTS);
    let Poll::Ready(Some(batch)) = in_flight.poll_answers(cx, usize::MAX) else { panic!("no answers") };
    let frames: Vec<_> = batch.answers.into_iter().map(|answer| answer.frame.unwrap_or_default()).collect();
    let expected = [vec![text("older").frame.unwrap(); REQUESTS - 1], vec![text("newest").frame.unwrap()]];
    assert_eq!(frames, expected.concat());
}

/// Requests that come together and are answered together.
fn burst(in_flight: &mut InFlight, requests: usize) -> Vec<bool> {
    let cx = &mut Context::from_waker(Waker::noop());
    let mut expected = Vec::new();
    for _ in 0..requests {
        expected.push(in_flight.expects_more());
        in_flight.push(Admission::Pipelined, Promise::ready(text("x")), 1, Permit::none());
    }
    in_flight.poll_promises(cx);
    let Poll::Ready(Some(batch)) = in_flight.poll_answers(cx, usize::MAX) else { panic!("no answers") };
    in_flight.answered(&batch, Runtime::system().clock.instant());
    expected
}

#[test]
fn more_is_expected_of_a_client_until_it_has_as_many_requests_unanswered_as_usual() {
    let mut in_flight = InFlight::default();
    assert_eq!(burst(&mut in_flight, 1), [false]);
    assert_eq!(burst(&mut in_flight, 1), [false], "one at a time is never followed");
    for _ in 0..30 {
        burst(&mut in_flight, 5);
    }
    assert_eq!(burst(&mut in_flight, 5), [true, true, true, true, false]);
    for _ in 0..30 {
        burst(&mut in_flight, 1);
    }
    assert_eq!(burst(&mut in_flight, 1), [false], "and habits change");
}
