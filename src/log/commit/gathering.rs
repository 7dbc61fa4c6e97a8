//! Waiting for what is on its way: only while that pays.

use std::time::Duration;

/// A commit of fewer bytes costs more for itself than for what is in it.
pub(super) const SMALL_COMMIT_BYTES: usize = 256 * 1024;
/// The longest that a small commit waits for what is on its way.
pub(super) const GATHER_TIME: Duration = Duration::from_millis(1);
/// Waits that are left out at most, one after the other.
const MOST_LEFT_OUT: u32 = 63;

/// The record of the waits so far. Each in vain doubles how many are left out after it, so that a client whose answers take
/// longer than its records are apart, and looks as if it sent many at a time, is not held back for good.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// Left out after the last wait.
    length: u32,
    /// Of those still to come.
    left: u32,
}

impl Gathering {
    /// True if the next commit is to wait. Asked once for each that could.
    pub fn is_due(&mut self) -> bool {
        let is_due = self.left == 0;
        self.left = self.left.saturating_sub(1);
        is_due
    }

    /// A wait is over.
    pub fn ended(&mut self, anything_came: bool) {
        self.length = if anything_came { 0 } else { (self.length * 2 + 1).min(MOST_LEFT_OUT) };
        self.left = self.length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each of so many commits, whether it waits if nothing ever comes.
    fn in_vain(gathering: &mut Gathering, commits: usize) -> Vec<bool> {
        let next = |_| {
            let is_due = gathering.is_due();
            if is_due {
                gathering.ended(false);
            }
            is_due
        };
        (0..commits).map(next).collect()
    }

    #[test]
    fn waits_in_vain_become_rare_and_one_that_pays_makes_them_usual() {
        let mut gathering = Gathering::default();
        assert_eq!(in_vain(&mut gathering, 7), [true, false, true, false, false, false, true]);
        assert_eq!(in_vain(&mut gathering, 6400).into_iter().filter(|waits| *waits).count(), 102);
        while !gathering.is_due() {}
        gathering.ended(true);
        assert_eq!(in_vain(&mut gathering, 4), [true, false, true, false]);
    }
}
