//! Requests and answers of fetch sessions, verbs in and decisions out.

use super::*;

const NOW: i64 = 1_000_000;

fn key(partition: i32) -> Key {
    Key { topic: TopicKey::Name("t".into()), partition }
}

fn params(fetch_offset: i64) -> Params {
    Params { fetch_offset, max_bytes: 1024, current_leader_epoch: -1, last_fetched_epoch: -1 }
}

fn outcome(records_bytes: usize, high_watermark: i64) -> Outcome {
    Outcome { records_bytes, high_watermark, log_start_offset: 0, is_error: false, diverges: false }
}

fn request(session_id: i32, epoch: i32, partitions: &[i32]) -> Request {
    let partitions = partitions.iter().map(|&p| (key(p), params(0))).collect();
    Request { session_id, epoch, partitions, ..Request::default() }
}

fn order(fetch: &Fetch) -> Vec<i32> {
    fetch.partitions.iter().map(|(key, _)| key.partition).collect()
}

/// Opens a session of `partitions` whose high watermarks are all 0, and gives its id.
fn open(sessions: &mut Sessions, partitions: &[i32], now_ms: i64, id: i32) -> i32 {
    let fetch = sessions.begin(request(NO_SESSION, INITIAL_EPOCH, partitions), now_ms).expect("full fetch");
    let outcomes = partitions.iter().map(|_| outcome(0, 0));
    sessions.finish(&fetch, outcomes, now_ms, || id).expect("finishes").session_id
}

fn sessions() -> Sessions {
    Sessions::new(2, EVICTION_MS)
}

#[test]
fn a_full_fetch_opens_a_session_and_tells_everything() {
    let mut sessions = sessions();
    let fetch = sessions.begin(request(NO_SESSION, INITIAL_EPOCH, &[0, 1]), NOW).expect("full fetch");
    assert_eq!(order(&fetch), [0, 1]);
    let reply = sessions.finish(&fetch, [outcome(0, 0), outcome(0, 0)], NOW, || 7).expect("finishes");
    assert_eq!(reply, Reply { session_id: 7, include: vec![true, true] });
    assert_eq!(sessions.0.len(), (1, 2));
}

#[test]
fn an_incremental_fetch_tells_what_changed() {
    let mut sessions = sessions();
    let id = open(&mut sessions, &[0, 1, 2, 3], NOW, 7);
    let fetch = sessions.begin(request(id, 1, &[]), NOW).expect("incremental fetch");
    assert_eq!(order(&fetch), [0, 1, 2, 3]);
    let unchanged = outcome(0, 0);
    let moved_start = Outcome { log_start_offset: 5, ..unchanged };
    let failed = Outcome { is_error: true, ..unchanged };
    let reply = sessions.finish(&fetch, [unchanged, moved_start, outcome(10, 0), failed], NOW, || 0);
    assert_eq!(reply.expect("finishes").include, [false, true, true, true]);

    // The one with records is served last now; the one that failed is told of again although nothing moved.
    let fetch = sessions.begin(request(id, 2, &[]), NOW).expect("incremental fetch");
    assert_eq!(order(&fetch), [0, 1, 3, 2]);
    let reply = sessions.finish(&fetch, [unchanged, moved_start, unchanged, unchanged], NOW, || 0);
    assert_eq!(reply.expect("finishes").include, [false, false, true, false]);
}

#[test]
fn partitions_are_added_changed_and_forgotten() {
    let mut sessions = sessions();
    let id = open(&mut sessions, &[0, 1], NOW, 7);
    let change = Request {
        partitions: vec![(key(1), params(9)), (key(5), params(3))],
        forgotten: vec![key(0), key(77)],
        ..request(id, 1, &[])
    };
    let fetch = sessions.begin(change, NOW).expect("incremental fetch");
    assert_eq!(fetch.partitions, [(key(1), params(9)), (key(5), params(3))]);
    let reply = sessions.finish(&fetch, [outcome(0, 0), outcome(0, 0)], NOW, || 0).expect("finishes");
    assert_eq!(reply.include, [false, true], "a new partition is told whatever it is");
}

#[test]
fn wrong_ids_epochs_and_uses_of_topic_ids_are_refused() {
    let mut sessions = sessions();
    let id = open(&mut sessions, &[0], NOW, 7);
    assert_eq!(sessions.begin(request(99, 1, &[]), NOW), Err(SessionError::NotFound));
    assert_eq!(sessions.begin(request(id, 2, &[]), NOW), Err(SessionError::InvalidEpoch));
    let with_ids = Request { uses_topic_ids: true, ..request(id, 1, &[]) };
    assert_eq!(sessions.begin(with_ids, NOW), Err(SessionError::TopicIds));
    assert!(sessions.begin(request(id, 1, &[]), NOW).is_ok(), "a refusal changes nothing");
}

#[test]
fn a_fetch_that_was_overtaken_gets_no_answer() {
    let mut sessions = sessions();
    let id = open(&mut sessions, &[0], NOW, 7);
    let first = sessions.begin(request(id, 1, &[]), NOW).expect("incremental fetch");
    let second = sessions.begin(request(id, 2, &[]), NOW).expect("incremental fetch");
    assert_eq!(sessions.finish(&first, [outcome(0, 0)], NOW, || 0), Err(SessionError::InvalidEpoch));
    assert!(sessions.finish(&second, [outcome(0, 0)], NOW, || 0).is_ok());
}

#[test]
fn a_final_or_full_fetch_closes_the_session_that_it_names() {
    let mut sessions = sessions();
    let id = open(&mut sessions, &[0], NOW, 7);
    let fetch = sessions.begin(request(id, FINAL_EPOCH, &[3]), NOW).expect("final fetch");
    let reply = sessions.finish(&fetch, [outcome(0, 0)], NOW, || 8).expect("finishes");
    assert_eq!(reply, Reply { session_id: NO_SESSION, include: vec![true] });
    assert_eq!(sessions.0.len(), (0, 0));

    let id = open(&mut sessions, &[0], NOW, 7);
    let fetch = sessions.begin(request(id, INITIAL_EPOCH, &[3]), NOW).expect("full fetch");
    assert_eq!(sessions.finish(&fetch, [outcome(0, 0)], NOW, || 8).expect("finishes").session_id, 8);
    assert_eq!(sessions.begin(request(id, 1, &[]), NOW), Err(SessionError::NotFound));
}

#[test]
fn a_session_without_partitions_ends() {
    let mut sessions = sessions();
    let id = open(&mut sessions, &[0], NOW, 7);
    let forget = Request { forgotten: vec![key(0)], ..request(id, 1, &[]) };
    let fetch = sessions.begin(forget, NOW).expect("incremental fetch");
    assert!(fetch.partitions.is_empty());
    assert_eq!(sessions.finish(&fetch, [], NOW, || 0).expect("finishes").session_id, NO_SESSION);
    assert_eq!(sessions.0.len(), (0, 0));
}

#[test]
fn a_partition_named_twice_is_fetched_once() {
    let mut sessions = sessions();
    let mut twice = request(NO_SESSION, INITIAL_EPOCH, &[4, 2]);
    twice.partitions.push((key(4), params(9)));
    let fetch = sessions.begin(twice, NOW).expect("full fetch");
    assert_eq!(fetch.partitions, [(key(4), params(9)), (key(2), params(0))]);
}

#[test]
fn without_room_a_fetch_goes_without_a_session() {
    let mut sessions = sessions();
    open(&mut sessions, &[0], NOW, 1);
    open(&mut sessions, &[0], NOW, 2);
    assert_eq!(open(&mut sessions, &[0, 1, 2], NOW + EVICTION_MS, 3), NO_SESSION, "all are young");
}

#[test]
fn an_unused_session_is_pushed_out() {
    let mut sessions = sessions();
    let old = open(&mut sessions, &[0, 1, 2], NOW, 1);
    let used = open(&mut sessions, &[0], NOW + 1, 2);
    let later = NOW + EVICTION_MS + 1;
    assert_eq!(open(&mut sessions, &[0], later, 3), 3);
    assert_eq!(sessions.begin(request(old, 1, &[]), later), Err(SessionError::NotFound));
    assert!(sessions.begin(request(used, 1, &[]), later).is_ok());
}

#[test]
fn an_old_session_in_use_is_pushed_out_by_a_larger_one_only() {
    let mut sessions = sessions();
    let small = open(&mut sessions, &[0, 1], NOW, 1);
    let large = open(&mut sessions, &[0, 1, 2], NOW, 2);
    let later = NOW + EVICTION_MS + 1;
    for id in [small, large] {
        sessions.begin(request(id, 1, &[]), later).expect("in use");
    }
    assert_eq!(open(&mut sessions, &[0, 1], later, 3), NO_SESSION, "not larger than the smallest");
    assert_eq!(open(&mut sessions, &[0, 1, 2], later, 4), 4);
    assert_eq!(sessions.begin(request(small, 2, &[]), later), Err(SessionError::NotFound));
    assert!(sessions.begin(request(large, 2, &[]), later).is_ok());
}

#[test]
fn ids_are_positive_and_free() {
    let mut sessions = sessions();
    open(&mut sessions, &[0], NOW, 5);
    let fetch = sessions.begin(request(NO_SESSION, INITIAL_EPOCH, &[0]), NOW).expect("full fetch");
    let mut candidates = [0, 5, 6].into_iter();
    let reply = sessions.finish(&fetch, [outcome(0, 0)], NOW, || candidates.next().expect("enough"));
    assert_eq!(reply.expect("finishes").session_id, 6);
}

#[test]
fn epochs_start_again_at_one() {
    assert_eq!(next_epoch(i32::MAX), 1);
    assert_eq!(next_epoch(1), 2);
    assert_eq!(next_epoch(FINAL_EPOCH), FINAL_EPOCH);
}
