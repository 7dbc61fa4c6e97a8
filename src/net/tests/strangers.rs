//! Clients that have to say who they are: one connection in memory.

use super::*;
use crate::net::StrangerLimits;

fn demanding() -> Manual {
    Manual { demands_login: true, ..Manual::default() }
}

fn world(limits: Limits) -> World {
    World::with_service(limits, 1024 * 1024, demanding())
}

impl World {
    fn dropped(&self, cause: &str) -> f64 {
        let families = self.runtime.metrics.gather();
        let Some(family) =
            families.iter().find(|family| family.name() == "kafkaesque_strangers_dropped_total")
        else {
            return 0.0;
        };
        let is_meant = |metric: &&prometheus::proto::Metric| {
            metric.get_label().iter().any(|label| label.value() == cause)
        };
        family.get_metric().iter().filter(is_meant).map(|metric| metric.get_counter().get_value()).sum()
    }

    /// Waits for the end, and says how long that took.
    async fn seconds_to_end(&mut self) -> f64 {
        let began = self.runtime.clock.instant();
        self.expect_end().await;
        self.runtime.clock.instant().duration_since(began).as_secs_f64()
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_says_something_within_seconds() {
    let mut world = world(Limits::default());
    let took = world.seconds_to_end().await;
    assert!((4.9..5.1).contains(&took), "{took} s");
    assert_eq!((world.dropped("silent"), world.dropped("slow_login")), (1.0, 0.0));
    assert_eq!(world.reason().await, CloseReason::Authentication);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_talks_on_is_closed_all_the_same() {
    let mut world = world(Limits::default());
    let began = world.runtime.clock.instant();
    for number in 0..3 {
        world.send(&[&format!("a{number}!")]).await;
        assert_eq!(world.receive().await, format!("a{number}!"));
        world.runtime.clock.sleep(Duration::from_secs(3)).await;
    }
    world.expect_end().await;
    let took = world.runtime.clock.instant().duration_since(began).as_secs_f64();
    assert!((9.9..10.2).contains(&took), "{took} s");
    assert_eq!(world.dropped("slow_login"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_drip_do_not_help_a_stranger() {
    let mut world = world(Limits::default());
    let began = world.runtime.clock.instant();
    let request = frame(&[b'x'; 1000]);
    for byte in request {
        if world.client.write_all(&[byte]).await.is_err() {
            break;
        }
        world.runtime.clock.sleep(Duration::from_secs(1)).await;
    }
    let took = world.runtime.clock.instant().duration_since(began).as_secs_f64();
    assert!((9.9..13.0).contains(&took), "{took} s");
    assert_eq!(world.reason().await, CloseReason::Authentication);
}

#[tokio::test(start_paused = true)]
async fn our_own_time_is_not_the_strangers() {
    let mut world = world(Limits::default());
    world.send(&["a1"]).await;
    world.runtime.clock.sleep(Duration::from_secs(60)).await;
    world.service.echo("a1");
    assert_eq!(world.receive().await, "a1");
    world.runtime.clock.sleep(Duration::from_secs(9)).await;
    world.send(&["login!"]).await;
    assert_eq!(world.receive().await, "login!");
    world.runtime.clock.sleep(Duration::from_secs(500)).await;
    world.send(&["a2!"]).await;
    assert_eq!(world.receive().await, "a2!");
}

/// Even those that may follow each other unanswered wait, and what follows the login is admitted after it.
#[tokio::test(start_paused = true)]
async fn nothing_of_a_stranger_is_admitted_before_its_last_answer() {
    let mut world = world(Limits::default());
    world.send(&["p1", "login", "p2", "p3"]).await;
    assert_eq!(world.service.admitted(), ["p1"]);
    world.service.echo("p1");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1", "login"]);
    world.service.echo("login");
    world.settle().await;
    assert_eq!(world.service.admitted(), ["p1", "login", "p2", "p3"]);
    world.service.echo("p3");
    world.service.echo("p2");
    for expected in ["p1", "login", "p2", "p3"] {
        assert_eq!(world.receive().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_stranger_are_small() {
    let strangers = StrangerLimits { max_frame_bytes: 100, ..StrangerLimits::default() };
    for length in [101, 64 * 1024 * 1024, i32::MAX, -1] {
        let mut world = world(Limits { strangers, ..Limits::default() });
        world.client.write_all(&i32::to_be_bytes(length)).await.expect("is sent");
        assert!(world.seconds_to_end().await < 0.1);
        assert_eq!(world.dropped("frame"), 1.0);
        assert_eq!(world.reason().await, CloseReason::Malformed);
    }
    let mut world = world(Limits { strangers, ..Limits::default() });
    let large = "p".repeat(1000) + "!";
    world.send(&["login!", &large]).await;
    assert_eq!(world.receive().await, "login!");
    assert_eq!(world.receive().await, large);
}

/// The memory for requests may be used up by those who are known.
#[tokio::test(start_paused = true)]
async fn strangers_have_memory_of_their_own() {
    let mut world = world(Limits::default());
    world.send(&["a-request-of-a-stranger"]).await;
    assert_eq!(world.service.admitted().len(), 1);
    assert_eq!(world.budget.free(), world.request_memory_bytes);
    world.service.echo("a-request-of-a-stranger");
    world.receive().await;
    world.send(&["login!", "a-request-of-a-friend"]).await;
    assert_eq!(world.receive().await, "login!");
    world.settle().await;
    assert!(world.budget.free() < world.request_memory_bytes);
    world.service.echo("a-request-of-a-friend");
    world.receive().await;
    assert_eq!(world.reason().await, CloseReason::Peer);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_has_to_make_room_goes_at_once() {
    // It waits for an answer, or says nothing.
    for request in [Some("a1"), None] {
        let mut world = world(Limits::default());
        world.settle().await;
        if let Some(request) = request {
            world.send(&[request]).await;
        }
        world.service.closers.lock()[0].close(CloseReason::TooMany);
        assert!(world.seconds_to_end().await < 0.1);
        assert_eq!(world.dropped("room"), 1.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_answered_before_the_end() {
    let mut world = world(Limits::default());
    world.send(&["a1"]).await;
    world.service.finish("a1", text("no").closing(CloseReason::Authentication));
    assert_eq!(world.receive().await, "no");
    world.expect_end().await;
    assert_eq!(world.reason().await, CloseReason::Authentication);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_takes_its_answers() {
    let mut world = World::with_service(Limits::default(), 64, demanding());
    world.send(&["a1"]).await;
    world.service.finish("a1", Answer::frame(vec![Bytes::from(vec![0; 1000])]));
    world.runtime.clock.sleep(Duration::from_secs(9)).await;
    assert_eq!(*world.reason.lock(), None);
    world.runtime.clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(*world.reason.lock(), Some(CloseReason::SlowReader));
}
