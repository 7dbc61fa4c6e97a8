use super::*;
use crate::net::Pace;

fn limits() -> Limits {
    Limits::default()
}

#[tokio::test(start_paused = true)]
async fn answers_leave_in_the_order_of_their_requests() {
    let mut world = World::new(limits());
    world.send(&["p1", "p2", "p3"]).await;
    assert_eq!(world.service.admitted(), ["p1", "p2", "p3"]);
    world.service.echo("p3");
    world.service.echo("p2");
    world.expect_silence().await;
    world.service.echo("p1");
    for expected in ["p1", "p2", "p3"] {
        assert_eq!(world.receive().await, expected);
    }
    assert_eq!(world.reason().await, CloseReason::Peer);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_waits_for_the_answers_before_it_and_produces_follow_it() {
    let mut world = World::new(limits());
    world.send(&["p1", "f1", "p2", "f2"]).await;
    assert_eq!(world.service.admitted(), ["p1"]);
    world.service.echo("p1");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1", "f1", "p2"]);
    world.service.echo("f1");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1", "f1", "p2"], "a produce before it is unanswered");
    world.service.echo("p2");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1", "f1", "p2", "f2"]);
}

#[tokio::test(start_paused = true)]
async fn any_other_request_is_alone() {
    let mut world = World::new(limits());
    world.send(&["p1", "a1", "p2"]).await;
    assert_eq!(world.service.admitted(), ["p1"]);
    world.service.echo("p1");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1", "a1"]);
    world.service.echo("a1");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1", "a1", "p2"]);
}

/// "Answered" means written: a client that does not take its answer gets nothing else admitted.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_written_counts_as_unanswered() {
    let mut world = World::with_buffer(limits(), 64);
    world.send(&["f1", "f2"]).await;
    let large = vec![b'x'; 1000];
    world.service.finish("f1", Answer::frame(vec![Bytes::from(large)]));
    world.settle().await;
    assert_eq!(world.service.admitted(), ["f1"]);
    assert_eq!(world.receive().await.len(), 1000);
    world.settle().await;
    assert_eq!(world.service.admitted(), ["f1", "f2"]);
}

#[tokio::test(start_paused = true)]
async fn reading_stops_at_the_limit_of_requests() {
    let mut world = World::new(Limits { connection_requests: 3, ..limits() });
    world.send(&["p1", "p2", "p3", "p4", "p5"]).await;
    assert_eq!(world.service.admitted(), ["p1", "p2", "p3"]);
    world.service.echo("p1");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1", "p2", "p3", "p4"]);
}

#[tokio::test(start_paused = true)]
async fn reading_stops_at_the_limit_of_bytes_and_unsent_answers_count() {
    let mut world = World::new(Limits { connection_bytes: 10, ..limits() });
    world.send(&["p1-five", "p2-five", "p3-five"]).await;
    assert_eq!(world.service.admitted(), ["p1-five", "p2-five"]);
    world.service.echo("p2-five");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1-five", "p2-five"], "the second answer cannot leave yet");
    world.service.echo("p1-five");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1-five", "p2-five", "p3-five"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_answers_is_not_read_while_requests_take_much_of_the_memory() {
    let mut world = World::new(Limits { request_memory_bytes: 100, ..limits() });
    world.send(&["p1-small", "p2-is-larger-than-what-may-be-in-use", "p3-small"]).await;
    assert_eq!(world.service.admitted(), ["p1-small", "p2-is-larger-than-what-may-be-in-use"]);
    world.service.echo("p2-is-larger-than-what-may-be-in-use");
    world.settle().await;
    assert_eq!(world.service.admitted().len(), 2, "its answer cannot leave yet, and nothing was answered");
    world.service.echo("p1-small");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1-small", "p2-is-larger-than-what-may-be-in-use", "p3-small"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_keeps_its_place_and_sends_nothing() {
    let mut world = World::new(limits());
    world.send(&["p-silent", "p2!"]).await;
    world.expect_silence().await;
    world.service.finish("p-silent", Answer::nothing());
    assert_eq!(world.receive().await, "p2!");
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_without_an_answer_closes_the_connection() {
    let mut world = World::new(limits());
    world.send(&["p-silent"]).await;
    world.service.finish("p-silent", Answer::nothing().closing(CloseReason::NoAnswer));
    world.expect_end().await;
    assert_eq!(world.reason().await, CloseReason::NoAnswer);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_closes_lets_earlier_and_later_ones_out_but_admits_nothing() {
    let mut world = World::new(limits());
    world.send(&["p1", "p2", "p3"]).await;
    // The first is unanswered, so the second's answer cannot leave: it forbids all the same.
    world.service.finish("p2", text("error").closing(CloseReason::OutcomeUnknown));
    world.send(&["p4"]).await;
    assert_eq!(world.service.admitted(), ["p1", "p2", "p3"]);
    world.service.echo("p1");
    world.service.echo("p3");
    for expected in ["p1", "error", "p3"] {
        assert_eq!(world.receive().await, expected);
    }
    world.expect_end().await;
    assert_eq!(world.service.admitted(), ["p1", "p2", "p3"]);
    assert_eq!(world.reason().await, CloseReason::OutcomeUnknown);
}

/// The answer is there before the reader looks: the frame that is already read must not slip through.
#[tokio::test(start_paused = true)]
async fn a_closing_answer_is_seen_before_the_next_admission() {
    let mut world = World::new(limits());
    world.send(&["p1"]).await;
    world.service.finish("p1", text("error").closing(CloseReason::OutcomeUnknown));
    world.client.write_all(&frame(b"p2")).await.expect("is sent");
    assert_eq!(world.receive().await, "error");
    world.expect_end().await;
    assert_eq!(world.service.admitted(), ["p1"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_from_elsewhere() {
    let mut world = World::new(limits());
    world.send(&["p1"]).await;
    let closer = world.service.closers.lock()[0].clone();
    assert_eq!(closer.reason(), None);
    closer.close(CloseReason::Authentication);
    world.send(&["p2"]).await;
    world.service.echo("p1");
    assert_eq!(world.receive().await, "p1");
    world.expect_end().await;
    assert_eq!(world.service.admitted(), ["p1"]);
    assert_eq!(world.reason().await, CloseReason::Authentication);
}

#[tokio::test(start_paused = true)]
async fn a_muting_answer_is_sent_at_once_and_nothing_is_admitted_until_its_time_is_over() {
    let mut world = World::new(limits());
    world.send(&["p1", "p2"]).await;
    world.service.finish("p2", text("throttled").muting(Duration::from_secs(3)));
    world.send(&["p3!"]).await;
    assert_eq!(world.service.admitted(), ["p1", "p2"], "its answer is there, but not sent");
    world.service.echo("p1");
    assert_eq!(world.receive().await, "p1");
    assert_eq!(world.receive().await, "throttled");
    let sent = world.runtime.clock.instant();
    assert_eq!(world.receive().await, "p3!");
    let muted = world.runtime.clock.instant().duration_since(sent);
    assert!((Duration::from_millis(2990)..Duration::from_millis(3020)).contains(&muted), "{muted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_gone_client_ends_its_waiting_requests() {
    let mut world = World::new(limits());
    world.send(&["f1"]).await;
    assert!(world.service.is_awaited("f1"));
    let (service, clock) = (Arc::clone(&world.service), world.runtime.clock.clone());
    let gone = clock.instant();
    assert_eq!(world.reason().await, CloseReason::Peer);
    assert_eq!(clock.instant().duration_since(gone).as_secs(), limits().idle.as_secs());
    assert!(!service.is_awaited("f1"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_no_more_gets_its_answers() {
    let mut world = World::new(limits());
    world.send(&["p1", "p2"]).await;
    world.client.shutdown().await.expect("the client ends its half");
    world.runtime.clock.sleep(Duration::from_secs(120)).await;
    world.service.echo("p2");
    world.service.echo("p1");
    assert_eq!(world.receive().await, "p1");
    assert_eq!(world.receive().await, "p2");
    world.expect_end().await;
    assert_eq!(world.reason().await, CloseReason::Peer);
}

#[tokio::test(start_paused = true)]
async fn everything_sent_before_the_end_is_admitted() {
    let mut world = World::new(limits());
    for number in 0..40 {
        world.client.write_all(&frame(format!("p{number}").as_bytes())).await.expect("is sent");
    }
    let service = Arc::clone(&world.service);
    assert_eq!(world.reason().await, CloseReason::Peer);
    assert_eq!(service.admitted().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn impossible_lengths_close_the_connection_after_what_was_admitted() {
    for length in [-1, i32::MIN, i32::MAX, 1001] {
        let mut world = World::new(Limits { max_frame_bytes: 1000, ..limits() });
        world.send(&["p1"]).await;
        world.client.write_all(&i32::to_be_bytes(length)).await.expect("is sent");
        world.settle().await;
        world.service.echo("p1");
        assert_eq!(world.receive().await, "p1");
        world.expect_end().await;
        assert_eq!(world.reason().await, CloseReason::Malformed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_but_not_one_that_waits_for_its_answer() {
    let mut world = World::new(Limits { idle: Duration::from_secs(600), ..limits() });
    world.send(&["a1"]).await;
    world.runtime.clock.sleep(Duration::from_secs(5000)).await;
    world.service.echo("a1");
    assert_eq!(world.receive().await, "a1");
    let answered = world.runtime.clock.instant();
    world.expect_end().await;
    let idle = world.runtime.clock.instant().duration_since(answered).as_secs();
    assert!((599..=601).contains(&idle), "{idle} s");
    assert_eq!(world.reason().await, CloseReason::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_trickles_in_closes_the_connection() {
    let mut world = World::new(limits());
    world.client.write_all(&i32::to_be_bytes(1000)).await.expect("is sent");
    let started = world.runtime.clock.instant();
    while world.client.write_all(b"x").await.is_ok() {
        world.runtime.clock.sleep(Duration::from_secs(1)).await;
    }
    let took = world.runtime.clock.instant().duration_since(started).as_secs();
    assert!((600..=603).contains(&took), "{took} s");
    assert_eq!(world.reason().await, CloseReason::SlowRequest);
}

#[tokio::test(start_paused = true)]
async fn a_slow_line_gets_its_time() {
    let pace = Pace { grace: Duration::from_secs(2), bytes_per_second: 1000 };
    let mut world = World::new(Limits { pace, ..limits() });
    let request = "p".repeat(9999) + "!";
    for part in frame(request.as_bytes()).chunks(1000) {
        world.client.write_all(part).await.expect("is sent");
        world.runtime.clock.sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(world.receive().await, request);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_answer_is_closed() {
    let mut world = World::with_buffer(limits(), 64);
    world.send(&["f1"]).await;
    world.service.finish("f1", Answer::frame(vec![Bytes::from(vec![0; 100_000])]));
    world.runtime.clock.sleep(Duration::from_secs(599)).await;
    assert!(world.reason.lock().is_none());
    world.runtime.clock.sleep(Duration::from_secs(3)).await;
    assert_eq!(world.reason().await, CloseReason::SlowReader);
}

#[tokio::test(start_paused = true)]
async fn a_stop_answers_what_was_admitted_and_reads_no_more() {
    let mut world = World::new(limits());
    world.send(&["a1"]).await;
    world.shutdown.request();
    world.send(&["a2"]).await;
    world.service.echo("a1");
    assert_eq!(world.receive().await, "a1");
    world.expect_end().await;
    assert_eq!(world.service.admitted(), ["a1"]);
    assert_eq!(world.reason().await, CloseReason::Shutdown);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_ever() {
    let mut world = World::new(limits());
    world.send(&["a1"]).await;
    world.shutdown.request();
    let asked = world.runtime.clock.instant();
    world.expect_end().await;
    assert_eq!(world.runtime.clock.instant().duration_since(asked).as_secs(), 10);
    assert_eq!(world.reason().await, CloseReason::Shutdown);
}

/// Pieces of every size, in one answer and in many.
#[tokio::test(start_paused = true)]
async fn answers_in_pieces_arrive_whole() {
    let mut world = World::with_buffer(limits(), 333);
    let pieces: Vec<Bytes> =
        (0..200).map(|n| Bytes::from(vec![b'a' + (n % 26) as u8; n * 37 % 3000])).collect();
    let whole: Vec<u8> = pieces.iter().flatten().copied().collect();
    world.send(&["p1", "p2", "p3"]).await;
    for request in ["p1", "p2", "p3"] {
        world.service.finish(request, Answer::frame(pieces.clone()));
    }
    for _ in 0..3 {
        assert_eq!(world.receive().await.as_bytes(), whole);
    }
}
