//! Turns at looking into compressed batches: a few bytes may unfold to very many, and must not keep others waiting.
//! It must never know what is looked for in them.
//! Entry point: [`Unfolding::finish`].
//! Invariant: what is unfolded at a time takes no more memory than [`MEMORY_BYTES`], or belongs to one batch that needs more.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::protocol::batch::{Invalid, Validation};

/// Memory that batches which are being unfolded may take together, beside themselves.
const MEMORY_BYTES: usize = 64 << 20;
/// Bytes that one permit of the semaphore stands for.
const PERMIT_BYTES: usize = 4 << 10;
/// Bytes unfolded before others get a turn: a fraction of a millisecond.
const TURN_BYTES: usize = 512 << 10;
/// Bytes that one request unfolds among all others. What takes more waits for its place in the lane for long ones.
const SHORT_BYTES: usize = 32 << 20;

/// Something that unfolds a batch, bit by bit.
pub trait Work {
    type Error;

    /// The memory that it takes.
    fn memory(&self) -> usize;

    /// Goes on until `allowance` is used up by what is unfolded. True if it is done.
    ///
    /// # Errors
    /// If it came to what it cannot take. Then it is done, too.
    fn advance(&mut self, allowance: &mut usize) -> Result<bool, Self::Error>;

    /// Gives its memory back and begins anew.
    fn restart(&mut self);
}

impl Work for Validation<'_> {
    type Error = Invalid;

    fn memory(&self) -> usize {
        Validation::memory(self)
    }

    fn advance(&mut self, allowance: &mut usize) -> Result<bool, Invalid> {
        Validation::advance(self, allowance)
    }

    fn restart(&mut self) {
        Validation::restart(self);
    }
}

/// Bytes that one request has unfolded so far, of all its batches.
#[derive(Debug, Default)]
pub struct Spent {
    bytes: usize,
    /// Of them since others had a turn.
    in_turn: usize,
}

impl Spent {
    /// Lets `work` go on for the rest of this turn, and gives others theirs if that was not enough.
    async fn on<W: Work>(&mut self, work: &mut W) -> Result<bool, W::Error> {
        let allowed = TURN_BYTES.saturating_sub(self.in_turn);
        let mut left = allowed;
        let done = work.advance(&mut left);
        self.bytes += allowed - left;
        self.in_turn += allowed - left;
        if matches!(done, Ok(false)) {
            tokio::task::yield_now().await;
            self.in_turn = 0;
        }
        done
    }
}

/// Shared by all requests of a broker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Unfolding {
    memory: Arc<Semaphore>,
    /// Long ones at a time.
    lane: Arc<Semaphore>,
}

impl Default for Unfolding {
    fn default() -> Unfolding {
        // Half of the processors at most, so that the other requests have the rest.
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Unfolding::with_lane((processors / 2).max(1))
    }
}

impl Unfolding {
    fn with_lane(width: usize) -> Unfolding {
        Unfolding {
            memory: Arc::new(Semaphore::new(MEMORY_BYTES / PERMIT_BYTES)),
            lane: Arc::new(Semaphore::new(width)),
        }
    }

    /// Does `work` to its end, in turns with everything else that the broker does.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn finish<W: Work>(&self, work: &mut W, spent: &mut Spent) -> Result<(), W::Error> {
        let mut memory = self.memory(work.memory()).await;
        while spent.bytes < SHORT_BYTES {
            if spent.on(work).await? {
                return Ok(());
            }
        }
        let _lane = match self.lane.try_acquire() {
            Ok(lane) => Some(lane),
            Err(_) => {
                // A reader that waits for long holds nothing that short ones need.
                work.restart();
                drop(memory);
                let lane = self.lane.acquire().await.ok();
                memory = self.memory(work.memory()).await;
                lane
            }
        };
        while !spent.on(work).await? {}
        drop(memory);
        Ok(())
    }

    /// Waits for a share of the memory; all of it for who needs more. The semaphore is never closed.
    async fn memory(&self, bytes: usize) -> Option<tokio::sync::SemaphorePermit<'_>> {
        let permits = bytes.min(MEMORY_BYTES).div_ceil(PERMIT_BYTES);
        self.memory.acquire_many(permits as u32).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Unfolds so many bytes, and tells who was under way at the same time.
    struct Bytes<'a> {
        total: usize,
        left: usize,
        memory: usize,
        under_way: &'a AtomicUsize,
        most: &'a AtomicUsize,
        begun: bool,
        restarts: usize,
    }

    impl Work for Bytes<'_> {
        type Error = ();

        fn memory(&self) -> usize {
            self.memory
        }

        fn advance(&mut self, allowance: &mut usize) -> Result<bool, ()> {
            if !self.begun {
                self.begun = true;
                let others = self.under_way.fetch_add(self.memory, Ordering::Relaxed);
                self.most.fetch_max(others + self.memory, Ordering::Relaxed);
            }
            let taken = self.left.min(*allowance);
            self.left -= taken;
            *allowance -= taken;
            if self.left == 0 {
                self.under_way.fetch_sub(self.memory, Ordering::Relaxed);
            }
            Ok(self.left == 0)
        }

        fn restart(&mut self) {
            self.restarts += 1;
            self.left = self.total;
            self.begun = false;
            self.under_way.fetch_sub(self.memory, Ordering::Relaxed);
        }
    }

    /// The works' restarts, and the most memory that was in use at a time.
    async fn run(works: &[(usize, usize)]) -> (Vec<usize>, usize) {
        let unfolding = Unfolding::with_lane(1);
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let all = works.iter().map(|&(total, memory)| {
            let (unfolding, under_way, most) = (&unfolding, &under_way, &most);
            async move {
                let mut work =
                    Bytes { total, left: total, memory, under_way, most, begun: false, restarts: 0 };
                unfolding.finish(&mut work, &mut Spent::default()).await.expect("ends");
                assert_eq!(work.left, 0);
                work.restarts
            }
        });
        (futures::future::join_all(all).await, most.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_short_one_is_done_while_long_ones_take_turns() {
        let unfolding = Unfolding::with_lane(1);
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |total| Bytes {
            total,
            left: total,
            memory: 1 << 20,
            under_way: &under_way,
            most: &most,
            begun: false,
            restarts: 0,
        };
        let mut long: Vec<_> = (0..18).map(|_| (work(8 << 30), Spent::default())).collect();
        let mut long =
            futures::future::join_all(long.iter_mut().map(|(work, spent)| unfolding.finish(work, spent)));
        let short = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            let mut work = work(4 << 20);
            unfolding.finish(&mut work, &mut Spent::default()).await.expect("ends");
        };
        tokio::select! {
            _ = &mut long => panic!("the long ones were first"),
            () = short => {}
        }
    }

    #[tokio::test]
    async fn memory_is_bounded_but_for_one_that_needs_more() {
        let (restarts, most) = run(&[(1 << 20, 20 << 20); 12]).await;
        assert_eq!(restarts, [0; 12]);
        assert!(most <= MEMORY_BYTES, "{most}");
        let (_, most) = run(&[(1 << 20, 200 << 20), (1 << 20, 200 << 20), (1 << 20, 1)]).await;
        assert!(most <= (200 << 20) + 1, "{most}");
    }

    #[tokio::test]
    async fn one_long_one_goes_on_and_others_wait_without_memory() {
        let (restarts, most) = run(&[(100 << 20, 30 << 20); 6]).await;
        assert_eq!(restarts.iter().filter(|&&restarts| restarts == 0).count(), 1, "{restarts:?}");
        assert!(restarts.iter().all(|&restarts| restarts <= 1), "{restarts:?}");
        assert!(most <= MEMORY_BYTES, "{most}");
    }

    #[tokio::test]
    async fn a_request_has_one_allowance_for_all_its_batches() {
        let unfolding = Unfolding::with_lane(1);
        let lane = unfolding.lane.clone().acquire_owned().await.expect("is free");
        let mut spent = Spent::default();
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut done = 0;
        let batches = async {
            for _ in 0..1_000 {
                let total = 100 << 10;
                let mut work = Bytes {
                    total,
                    left: total,
                    memory: 1,
                    under_way: &under_way,
                    most: &most,
                    begun: false,
                    restarts: 0,
                };
                unfolding.finish(&mut work, &mut spent).await.expect("ends");
                done += 1;
            }
        };
        let enough = async {
            for _ in 0..10_000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = batches => panic!("the lane is taken"),
            () = enough => {}
        }
        assert_eq!(done, SHORT_BYTES / (100 << 10));
        drop(lane);
    }
}
