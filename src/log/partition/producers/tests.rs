use proptest::prelude::*;

use super::*;
use crate::protocol::batch::next_sequence;

fn sequenced(epoch: i16, first: i32, last: i32) -> Sequenced {
    Sequenced { producer_id: 9, producer_epoch: epoch, first_sequence: first, last_sequence: last }
}

fn accept(producers: &mut Producers, epoch: i16, first: i32, last: i32, base_offset: i64) {
    assert_eq!(producers.judge(sequenced(epoch, first, last)), Verdict::Accept, "{epoch} {first}-{last}");
    let run = ProducerRun {
        producer_id: 9,
        producer_epoch: epoch,
        first_sequence: first,
        last_sequence: last,
        base_offset,
        last_offset: base_offset + i64::from(last - first),
        timestamp: 0,
    };
    producers.accept(run, 1_000);
}

const OUT_OF_ORDER: Verdict = Verdict::Refuse(AppendError::OutOfOrderSequence);
const OLD_EPOCH: Verdict = Verdict::Refuse(AppendError::InvalidProducerEpoch);

#[test]
fn an_unknown_producer_may_start_anywhere() {
    let producers = Producers::default();
    assert_eq!(producers.judge(sequenced(3, 500, 510)), Verdict::Accept);
}

#[test]
fn batches_follow_one_another() {
    let mut producers = Producers::default();
    accept(&mut producers, 0, 0, 4, 100);
    accept(&mut producers, 0, 5, 5, 105);
    assert_eq!(producers.judge(sequenced(0, 7, 8)), OUT_OF_ORDER, "a gap");
    assert_eq!(producers.judge(sequenced(0, 3, 6)), OUT_OF_ORDER, "an overlap");
    assert_eq!(producers.judge(sequenced(0, 0, 3)), OUT_OF_ORDER, "part of a known batch");
}

#[test]
fn a_gap_behind_a_refusal_may_still_be_filled() {
    let not_open = Verdict::Refuse(NotOpen.into());
    let mut producers = Producers::default();
    assert_eq!(producers.judge_after_refusal(sequenced(3, 500, 510)), not_open, "nothing of it is here");
    assert_eq!(producers.judge_after_refusal(sequenced(3, 0, 4)), Verdict::Accept);
    accept(&mut producers, 3, 0, 4, 100);
    assert_eq!(producers.judge_after_refusal(sequenced(3, 8, 9)), not_open);
    assert_eq!(producers.judge_after_refusal(sequenced(4, 5, 9)), not_open);
    assert_eq!(producers.judge_after_refusal(sequenced(3, 5, 9)), Verdict::Accept);
    assert!(matches!(producers.judge_after_refusal(sequenced(3, 0, 4)), Verdict::Duplicate(_)));
    assert_eq!(producers.judge_after_refusal(sequenced(2, 5, 9)), OLD_EPOCH);
}

#[test]
fn the_last_five_batches_are_found_again_with_their_offsets() {
    let mut producers = Producers::default();
    for batch in 0..7 {
        accept(&mut producers, 0, batch * 2, batch * 2 + 1, i64::from(batch) * 10);
    }
    for batch in 2..7 {
        let verdict = producers.judge(sequenced(0, batch * 2, batch * 2 + 1));
        assert!(
            matches!(verdict, Verdict::Duplicate(run) if run.base_offset == i64::from(batch) * 10),
            "{batch}: {verdict:?}"
        );
    }
    assert_eq!(producers.judge(sequenced(0, 2, 3)), OUT_OF_ORDER, "too long ago");
}

#[test]
fn a_newer_epoch_starts_at_zero_and_ends_the_older_one() {
    let mut producers = Producers::default();
    accept(&mut producers, 4, 0, 9, 0);
    assert_eq!(producers.judge(sequenced(5, 10, 11)), OUT_OF_ORDER);
    accept(&mut producers, 5, 0, 0, 10);
    assert_eq!(producers.judge(sequenced(4, 10, 11)), OLD_EPOCH);
    assert_eq!(producers.judge(sequenced(4, 0, 9)), OLD_EPOCH, "a duplicate of an older epoch");
}

#[test]
fn sequence_numbers_wrap() {
    let mut producers = Producers::default();
    let last = next_sequence(i32::MAX - 1, 3);
    assert_eq!(last, 1);
    let run = ProducerRun {
        producer_id: 9,
        producer_epoch: 0,
        first_sequence: i32::MAX - 1,
        last_sequence: last,
        base_offset: 0,
        last_offset: 3,
        timestamp: 0,
    };
    producers.accept(run, 0);
    assert_eq!(producers.judge(sequenced(0, i32::MAX - 1, 1)), Verdict::Duplicate(run));
    assert_eq!(producers.judge(sequenced(0, 2, 2)), Verdict::Accept);
    let mut producers = Producers::default();
    accept(&mut producers, 0, i32::MAX, i32::MAX, 0);
    assert_eq!(producers.judge(sequenced(0, 0, 0)), Verdict::Accept);
}

#[test]
fn silent_producers_are_forgotten_when_a_snapshot_is_taken_or_read() {
    let mut producers = Producers::default();
    accept(&mut producers, 0, 0, 0, 0);
    assert_eq!(producers.snapshot(1_000).len(), 1);
    let entries = producers.snapshot(1_000);
    assert_eq!(Producers::from_entries(entries.clone(), 1_001).len(), 0);
    assert_eq!(Producers::from_entries(entries, 1_000), producers);
    assert!(producers.snapshot(1_001).is_empty());
    assert_eq!(producers.len(), 0);
}

#[test]
fn an_extent_keeps_five_batches_of_each_producer() {
    let run = |producer_id, first_sequence| ProducerRun {
        producer_id,
        producer_epoch: 0,
        first_sequence,
        last_sequence: first_sequence,
        base_offset: 0,
        last_offset: 0,
        timestamp: 0,
    };
    let mut runs: Vec<ProducerRun> = (0..9).flat_map(|n| [run(1, n), run(2, n)]).collect();
    runs.push(run(3, 0));
    keep_remembered(&mut runs);
    let of = |id| -> Vec<i32> {
        runs.iter().filter(|run| run.producer_id == id).map(|run| run.first_sequence).collect()
    };
    assert_eq!((of(1), of(2), of(3)), (vec![4, 5, 6, 7, 8], vec![4, 5, 6, 7, 8], vec![0]));
}

proptest! {
    /// A client with at most five batches in flight, each sent again and again in order: each is in the log once.
    #[test]
    fn resending_never_doubles_a_batch(sends in proptest::collection::vec(0..5usize, 1..200)) {
        let mut producers = Producers::default();
        let mut log: Vec<i32> = Vec::new();
        for (first_unsure, back) in sends.into_iter().enumerate() {
            // The client goes back up to five batches, then sends everything from there on in order.
            let from = first_unsure.saturating_sub(back);
            for sequence in from..=first_unsure {
                let sequence = sequence as i32;
                match producers.judge(sequenced(0, sequence, sequence)) {
                    Verdict::Accept => {
                        accept(&mut producers, 0, sequence, sequence, log.len() as i64);
                        log.push(sequence);
                    }
                    Verdict::Duplicate(run) => prop_assert_eq!(log[run.base_offset as usize], sequence),
                    Verdict::Refuse(error) => prop_assert!(false, "refused {sequence}: {error}"),
                }
            }
        }
        prop_assert!(log.iter().copied().eq(0..log.len() as i32));
    }
}
